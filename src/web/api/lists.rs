//! Lists, page by page: opaque cursors and `Link: rel="next"` (RFC 8288).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::cursor::Cursors;
use crate::domain::event::EventId;
use crate::domain::position::Position;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;

/// How many rows a page has where nothing is said, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// The most rows of a page that carries bodies or headers.
pub(crate) const MAX_WITH_CONTENTS: usize = 50;

/// How many rows are asked for.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(ApiError::query(format!("limit has to be from 1 to {MAX_LIMIT}")))
    }
}

/// The row that a page goes on behind.
pub(crate) fn row_behind(caller: &Caller, cursor: Option<&str>) -> Result<Option<EventId>, ApiError> {
    let cursors = Cursors::new(&caller.state().keys, caller.account());
    let read = |text: &str| cursors.read(text).map(|position| position.at).ok_or(ApiError::InvalidCursor);
    cursor.filter(|text| !text.is_empty()).map(read).transpose()
}

/// The cursor of a row.
pub(crate) fn cursor_of(caller: &Caller, row: Uuid) -> String {
    let position = Position::up_to(EventId(row));
    Cursors::new(&caller.state().keys, caller.account()).write(&position)
}

/// A page, with a link to the one behind it.
pub(crate) fn page(request: &HttpRequest, next: Option<&str>, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next {
        let others = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let cursor = format!("cursor={}", utf8_percent_encode(cursor, NON_ALPHANUMERIC));
        let query = others.map(str::to_owned).chain([cursor]).collect::<Vec<_>>().join("&");
        response.insert_header((header::LINK, format!("<{}?{query}>; rel=\"next\"", request.path())));
    }
    response.json(body)
}
