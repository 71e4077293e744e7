//! HTTP responses of pages.
//!
//! The few kinds of answers that pages give: a page, a page with a form to correct, the way to another page.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;

use crate::web::errors::PageError;

/// A page as an answer.
pub(crate) fn html(template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(template.render()?))
}

/// A form that did not validate, shown again.
pub(crate) fn html_invalid(template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(HttpResponse::UnprocessableEntity().content_type("text/html; charset=utf-8").body(template.render()?))
}

/// A form that was sent too often, shown again.
pub(crate) fn html_throttled(template: &impl Template, seconds: u64) -> Result<HttpResponse, PageError> {
    Ok(HttpResponse::TooManyRequests()
        .insert_header((header::RETRY_AFTER, seconds.to_string()))
        .content_type("text/html; charset=utf-8")
        .body(template.render()?))
}

/// To another page, after a change.
pub(crate) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}
