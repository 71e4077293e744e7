//! `/static`: the files that pages name.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::web::assets::{address, find};
use crate::web::errors::PageError;

/// `GET /static/{name}`
pub async fn show(name: web::Path<String>) -> Result<HttpResponse, PageError> {
    let asset = find(&name).ok_or(PageError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes.as_slice()))
}

/// `GET /favicon.ico`, which browsers ask for by themselves.
pub async fn favicon() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, address("favicon.svg"))).finish()
}
