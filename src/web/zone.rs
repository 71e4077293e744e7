//! The time zone of the browser.
//!
//! The reader's time zone, which the script of the pages keeps in a cookie: without it, UTC. It is for reading what a form says;
//! addresses are in UTC.

use actix_web::HttpRequest;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

const COOKIE: &str = "zone";
/// The longest name that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The zone of a request's reader.
pub(crate) fn of(request: &HttpRequest) -> TimeZone {
    let cookie = request.cookie(COOKIE);
    let name = cookie.as_ref().map(|cookie| percent_decode_str(cookie.value()).decode_utf8_lossy());
    let is_name = |name: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        name.len() <= MAX_NAME_BYTES && name.chars().all(is_plain)
    };
    name.filter(|name| is_name(name)).and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC)
}
