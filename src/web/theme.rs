//! The reader's choice of light or dark, kept in a cookie so that the server renders it and nothing flashes.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::web::app_state::AppState;
use crate::web::forms::Submitted;
use crate::web::local_path::local_path;
use crate::web::responses::see_other;

const COOKIE: &str = "theme";

/// The theme of a request's reader; `None` follows the system.
pub(crate) fn chosen(request: &HttpRequest) -> Option<&'static str> {
    match request.cookie(COOKIE)?.value() {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    }
}

#[derive(Deserialize)]
pub(crate) struct Form {
    theme: String,
    #[serde(default)]
    return_to: String,
}

/// `POST /theme`
pub(crate) async fn choose(state: web::Data<AppState>, Submitted(form): Submitted<Form>) -> HttpResponse {
    let mut cookie = Cookie::build(COOKIE, form.theme.chars().take(8).collect::<String>())
        .path("/")
        .http_only(true)
        .secure(state.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .finish();
    if !matches!(form.theme.as_str(), "light" | "dark") {
        cookie.make_removal();
    }
    let mut response = see_other(local_path(&form.return_to).unwrap_or("/"));
    // A cookie made of a fixed name and a short word is always a valid header.
    let _ = response.add_cookie(&cookie);
    response
}
