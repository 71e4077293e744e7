//! A download, streamed as it is read.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;

use crate::app::export::{BYTE_ORDER_MARK, Chunks, ExportFormat};
use crate::domain::time::utc;
use crate::store::connection::error::StoreError;
use crate::web::errors::PageError;
use crate::web::middleware::headers::SANDBOX;

/// What is handed to the connection at once.
const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// The format that an address names; without one, the one that loses nothing.
pub(crate) fn format(input: &str) -> Result<ExportFormat, PageError> {
    let input = if input.is_empty() { "ndjson" } else { input };
    input.parse().map_err(|e| PageError::BadRequest(format!("{e}")))
}

/// How a CSV begins.
#[derive(Deserialize)]
pub(crate) struct Encoding {
    #[serde(default)]
    bom: String,
}

impl Encoding {
    /// A byte-order mark comes first.
    pub(crate) fn has_mark(&self) -> bool {
        self.bom == "1"
    }
}

/// The answer that streams an export, as a file with a name.
pub(crate) async fn answer(
    mut export: impl Chunks + 'static,
    what: &str,
    (format, with_mark): (ExportFormat, bool),
    now: Timestamp,
) -> Result<HttpResponse, StoreError> {
    // The first piece is there before the answer begins, so that a failure is an error and not half a file.
    let first = export.next().await?.unwrap_or_default();
    let mark = if with_mark && format == ExportFormat::Csv { BYTE_ORDER_MARK } else { &[] };
    let first = web::Bytes::from([mark, &first].concat());
    let request = tracing::Span::current();
    let chunks = stream::unfold((first, Some(export), request), |(mut chunk, export, request)| async move {
        let mut export = export?;
        while chunk.is_empty() {
            match export.next().await {
                Ok(next) => chunk = web::Bytes::from(next?),
                // Breaking the connection off is the only way left to say that the file is not whole.
                Err(error) => {
                    tracing::error!(parent: &request, %error, "an export broke off");
                    let broken_off = actix_web::error::ErrorInternalServerError("broken off");
                    return Some((Err(broken_off), (chunk, None, request)));
                }
            }
        }
        // In small chunks, since the thread that sends it answers others too.
        let part = chunk.split_to(chunk.len().min(MAX_CHUNK_BYTES));
        Some((Ok(part), (chunk, Some(export), request)))
    });
    let name = format!("{what}-{}.{}", utc("%Y%m%d-%H%M%S", now), format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .streaming(chunks))
}
