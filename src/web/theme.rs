//! The reader's choices of light or dark and of how times are written, kept in cookies so that the server renders them and nothing
//! flashes.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::web::app_state::AppState;
use crate::web::forms::Submitted;
use crate::web::local_path::local_path;
use crate::web::responses::see_other;
use crate::web::zone::{CLOCK, TIMES};

const COOKIE: &str = "theme";
/// The cookies, each with what may be chosen beside what is usual.
const CHOICES: [(&str, &[&str]); 3] = [(COOKIE, &["light", "dark"]), (CLOCK.0, &[CLOCK.1]), (TIMES.0, &[TIMES.1])];

/// The theme of a request's reader; `None` follows the system.
pub(crate) fn chosen(request: &HttpRequest) -> Option<&'static str> {
    match request.cookie(COOKIE)?.value() {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    }
}

/// `POST /theme`, with a choice under the name of its cookie
pub(crate) async fn choose(
    state: web::Data<AppState>,
    Submitted(form): Submitted<Vec<(String, String)>>,
) -> HttpResponse {
    let field = |field: &str| form.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str());
    let mut response = see_other(field("return_to").and_then(local_path).unwrap_or("/"));
    for (name, values) in CHOICES {
        let Some(value) = field(name) else { continue };
        let known = values.iter().find(|known| **known == value);
        let mut cookie = Cookie::build(name, known.copied().unwrap_or_default())
            .path("/")
            .http_only(true)
            .secure(state.is_https())
            .same_site(SameSite::Lax)
            .max_age(Duration::days(365))
            .finish();
        if known.is_none() {
            cookie.make_removal();
        }
        // A cookie made of a fixed name and a fixed word is always a valid header.
        let _ = response.add_cookie(&cookie);
    }
    response
}
