//! Downloads: the current filter's events, and how every export is streamed.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use jiff::Timestamp;

use crate::app::export::{ExportFormat, Pieces};
use crate::app::export_events::Export;
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
    let format = format(&query.format)?;
    let (account, now) = (reader.member.account_id, reader.now());
    let credentials = credentials::list(&mut *reader.site().store.connection().await?, account).await?;
    let filters = Filters::new(&query, &credentials, now);
    if let Some(problem) = filters.error {
        return Err(PageError::BadRequest(problem));
    }
    let store = reader.site().store.clone();
    let export = Export::begin(store, account, filters.filter, format, &reader.act()).await?;
    answer(export, "events", format, now).await
}

/// The format that an address names; without one, the one that loses nothing.
pub fn format(said: &str) -> Result<ExportFormat, PageError> {
    let said = if said.is_empty() { "ndjson" } else { said };
    said.parse().map_err(|e| PageError::BadRequest(format!("{e}")))
}

/// The answer that streams an export, as a file with a name.
pub async fn answer(
    mut export: impl Pieces + 'static,
    what: &str,
    format: ExportFormat,
    now: Timestamp,
) -> Result<HttpResponse, PageError> {
    // The first batch is read before the answer begins, so that a failure is an error and not half a file.
    let first = export.next().await?;
    let request = tracing::Span::current();
    let pieces = stream::unfold((first, export, false), move |(piece, mut export, failed)| {
        let request = request.clone();
        async move {
            if failed {
                return None;
            }
            let piece = piece?;
            match export.next().await {
                Ok(next) => Some((Ok(web::Bytes::from(piece)), (next, export, false))),
                // Breaking the connection off is the only way left to say that the file is not whole.
                Err(error) => {
                    tracing::error!(parent: &request, %error, "an export broke off");
                    Some((Err(actix_web::error::ErrorInternalServerError("broken off")), (None, export, true)))
                }
            }
        }
    });
    let name = format!("{what}-{}.{}", utc("%Y%m%d-%H%M%S", now), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .streaming(pieces))
}
