//! The reader's clock: in which time zone pages write times, and whether lists say how long ago something was or when.
//!
//! The zone is the browser's, which the script of the pages keeps in a cookie (without it, UTC), unless the reader chose UTC. It also
//! says what the times of a form mean; addresses are in UTC.

use actix_web::HttpRequest;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

const COOKIE: &str = "zone";
/// The cookies of the two choices, and the value of each that is not the usual one.
pub(crate) const CLOCK: (&str, &str) = ("clock", "utc");
pub(crate) const TIMES: (&str, &str) = ("times", "absolute");
/// The longest name that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// How a reader reads times.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The zone that times are written in.
    pub(crate) zone: TimeZone,
    /// The browser's.
    local: TimeZone,
    pub(crate) is_utc: bool,
    pub(crate) is_absolute: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, local: TimeZone::UTC, is_utc: false, is_absolute: false }
    }
}

impl Clock {
    /// The clock of a request's reader.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let is_chosen =
            |(name, value): (&str, &str)| request.cookie(name).is_some_and(|cookie| cookie.value() == value);
        Self::new(local_zone(request), is_chosen(CLOCK), is_chosen(TIMES))
    }

    pub(crate) fn new(local: TimeZone, is_utc: bool, is_absolute: bool) -> Self {
        let zone = if is_utc { TimeZone::UTC } else { local.clone() };
        Self { zone, local, is_utc, is_absolute }
    }

    /// The zone that times are not written in: what stands behind them is in both.
    pub(crate) fn other_zone(&self) -> TimeZone {
        if self.is_utc { self.local.clone() } else { TimeZone::UTC }
    }

    /// What tells two readers apart who do not read the same times.
    pub(crate) fn key(&self) -> String {
        format!("{} {} {}", self.local.iana_name().unwrap_or_default(), self.is_utc, self.is_absolute)
    }
}

fn local_zone(request: &HttpRequest) -> TimeZone {
    let cookie = request.cookie(COOKIE);
    let name = cookie.as_ref().map(|cookie| percent_decode_str(cookie.value()).decode_utf8_lossy());
    let is_name = |name: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        name.len() <= MAX_NAME_BYTES && name.chars().all(is_plain)
    };
    name.filter(|name| is_name(name)).and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC)
}
