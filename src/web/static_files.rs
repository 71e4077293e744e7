//! `/static`: the files that pages name.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::web::assets::{address, find};
use crate::web::errors::PageError;
use crate::web::middleware::gzip::takes_gzip;

/// `GET /static/{name}`
pub(crate) async fn show(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, PageError> {
    let asset = find(&name).ok_or(PageError::NotFound)?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "Accept-Encoding"));
    Ok(match &asset.gzip {
        Some(gzip) if takes_gzip(request.headers()) => {
            answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(gzip.as_slice())
        }
        _ => answer.body(asset.bytes.as_slice()),
    })
}

/// `GET /favicon.ico`, which browsers ask for by themselves.
pub(crate) async fn favicon() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, address("favicon.svg"))).finish()
}
