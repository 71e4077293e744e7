//! The event stream of the API (server-sent events): what arrives, in the order in which it was committed, until the reader, its token
//! or the program ends.
//!
//! A stream reads as who follows does, so that it skips nothing, and counts among those who wait for the next event. While it waits it
//! holds no connection to the database and no turn of its account.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};
use utoipa::{IntoParams, ToSchema};

use crate::domain::consumer::Truncated;
use crate::domain::cursor::Cursors;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::Position;
use crate::fair_queue::Permit;
use crate::ingest::notifier::Listener;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::events::{EventsQuery, Include, items};
use crate::web::api::following::{BETWEEN_LOOKS, LOOK_EVERY, PAUSE_FOR_LOOK, Start, pull};
use crate::web::api::problem_schema::Problem;
use crate::web::middleware::client_disconnect::EndsWithConnection;

/// How long a program is to wait before it connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// How many events a look reads.
const MAX_ROWS: usize = 50;

/// What the events of a stream carry.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Contents {
    /// `body`, `headers`, or both with a comma.
    #[param(pattern = "^((body|headers)(,(body|headers))*)?$")]
    include: Option<String>,
}

/// Why events may be missing.
#[derive(Serialize, ToSchema)]
struct Reason {
    truncated: &'static str,
}

struct Stream {
    caller: Caller,
    filter: EventFilter,
    include: Include,
    position: Option<Position>,
    listener: Listener,
    caught_up: bool,
    /// Until it is looked again.
    pause: Duration,
    opening: Option<String>,
    _share: Permit<AccountId>,
    _ends_with_connection: EndsWithConnection,
}

/// Sends events as they arrive, as server-sent events.
#[utoipa::path(get, path = "/api/v1/events/live", operation_id = "stream_events", tag = "events", params(EventsQuery, Contents,
        ("Last-Event-ID" = Option<String>, Header, description = "The id received last, or the `cursor` of an answer; without it, the stream begins now")),
    responses((status = 200, description = "`stored` has an event as a list has it, and `truncated` a reason as the answer to `after` has it. Each id is a cursor.",
            body = String, content_type = "text/event-stream"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    query: web::Query<EventsQuery>,
    contents: web::Query<Contents>,
) -> Result<HttpResponse, ApiError> {
    let include = Include::read(contents.include.as_deref().unwrap_or_default())?;
    let filter = query.filters(&caller).await?.filter;
    let id = request.headers().get("last-event-id").map(|id| id.to_str().map_err(|_| ApiError::InvalidCursor));
    let start = Start::at(&caller, id.transpose()?.filter(|id| !id.is_empty()).unwrap_or("now"))?;
    let share = caller.state().waiting_readers.acquire(caller.account()).await?;
    let mut stream = Stream {
        filter,
        include,
        position: start.position,
        // From before the first look, so that nothing comes between.
        listener: caller.state().engine.notifier.listen(caller.account()),
        caught_up: false,
        pause: BETWEEN_LOOKS,
        opening: None,
        _share: share,
        _ends_with_connection: EndsWithConnection::new(&request),
        caller,
    };
    let mut opening = format!("retry: {RETRY_MS}\n\n");
    push_truncated(&mut opening, start.truncated);
    opening.push_str(&stream.look().await?.0);
    stream.opening = Some(opening);
    stream.caller.let_others_go();
    let body = stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(web::Bytes::from(text)), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // A proxy that gathers would hold the events back.
        .insert_header((header::HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(body))
}

impl Stream {
    // Each time something is sent at last, so that both ends know that the connection lives; and the token may have been revoked.
    /// The next piece; `None` when the token or the program ends, or the database does not answer: the program connects again then.
    async fn next(&mut self) -> Option<String> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        let said_until = Instant::now() + LOOK_EVERY;
        loop {
            sleep(self.pause).await;
            if self.caught_up {
                // Being told of something and having waited long enough are both a reason to look.
                let _ =
                    timeout(said_until.saturating_duration_since(Instant::now()), self.listener.notified_of_change())
                        .await;
            }
            if self.caller.state().is_draining() {
                return None;
            }
            let looked = self.look_again().await;
            self.caller.let_others_go();
            match looked {
                Ok(Some((_, 0))) if Instant::now() < said_until => {}
                Ok(looked) => return looked.map(|(text, _)| text),
                Err(error) => {
                    tracing::debug!(%error, "a stream of events ends, since it could not look");
                    return None;
                }
            }
        }
    }

    /// Looks when it is its turn, if its token still lets it: a revocation counts from the next look on, on every instance.
    async fn look_again(&mut self) -> Result<Option<(String, usize)>, ApiError> {
        self.caller.take_turn().await?;
        Ok(if self.caller.is_still_let_in().await? { Some(self.look().await?) } else { None })
    }

    /// What is new, as it is sent, and how many events that are.
    async fn look(&mut self) -> Result<(String, usize), ApiError> {
        let began = Instant::now();
        let pulled = pull(&self.caller, &self.filter, self.position.as_ref(), MAX_ROWS).await?;
        let items = items(&self.caller, &pulled.rows, self.include).await?;
        let cursors = Cursors::new(&self.caller.state().keys, self.caller.account());
        let mut text = String::new();
        push_truncated(&mut text, pulled.truncated(None));
        for (row, item) in pulled.rows.iter().zip(&items) {
            if let Some(position) = pulled.behind(row.id) {
                text.push_str(&format!("id: {}\n", cursors.write(position)));
            }
            push(&mut text, "stored", item);
        }
        // A block without data is told to nobody, and its id counts all the same.
        text.push_str(&format!(": all until here\nid: {}\n\n", cursors.write(&pulled.position)));
        (self.position, self.caught_up) = (Some(pulled.position), pulled.caught_up);
        self.pause = BETWEEN_LOOKS.max(began.elapsed() * PAUSE_FOR_LOOK);
        Ok((text, items.len()))
    }
}

fn push_truncated(text: &mut String, truncated: Option<Truncated>) {
    if let Some(truncated) = truncated {
        push(text, "truncated", &Reason { truncated: truncated.as_str() });
    }
}

/// JSON has no raw line breaks in it, so one `data:` line holds it.
fn push(text: &mut String, kind: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    text.push_str(&format!("event: {kind}\ndata: {data}\n\n"));
}
