//! The current filter's events as a download, streamed.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;

use crate::app::export_events::{Export, ExportFormat};
use crate::domain::time::utc;
use crate::store::credentials;
use crate::web::confirm;
use crate::web::errors::PageError;
use crate::web::filters::{Filters, Query};
use crate::web::headers::SANDBOX;
use crate::web::reader::SignedIn;

/// `GET /events/export?format=ndjson|csv`. All that was received leaves in one file, so the account password has to be recent.
pub async fn download(
    request: HttpRequest,
    reader: SignedIn,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    if !reader.reader.password_is_recent() {
        return confirm::ask_before_page(&reader, request.uri().to_string());
    }
    let said = if query.format.is_empty() { "ndjson" } else { &query.format };
    let format: ExportFormat = said.parse().map_err(|e| PageError::BadRequest(format!("{e}")))?;
    let account = reader.member.account_id;
    let credentials = credentials::list(&mut *reader.site().store.connection().await?, account).await?;
    let filters = Filters::new(&query, &credentials, reader.now());
    if let Some(problem) = filters.error {
        return Err(PageError::BadRequest(problem));
    }
    let mut export = Export::new(reader.site().store.clone(), account, filters.filter, format);
    // The first batch is read before the answer begins, so that a failure is an error and not half a file.
    let first = export.next().await?;
    let pieces = stream::unfold((first, export, false), |(piece, mut export, failed)| async move {
        if failed {
            return None;
        }
        let piece = piece?;
        match export.next().await {
            Ok(next) => Some((Ok(web::Bytes::from(piece)), (next, export, false))),
            // Breaking the connection off is the only way left to say that the file is not whole.
            Err(error) => {
                tracing::error!(%error, "an export broke off");
                Some((Err(actix_web::error::ErrorInternalServerError("broken off")), (None, export, true)))
            }
        }
    });
    let name = format!("events-{}.{}", utc("%Y%m%d-%H%M%S", reader.now()), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .streaming(pieces))
}
