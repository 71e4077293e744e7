//! Following events: pulled in the order in which they were committed, so that none is missed, with a wait for the next one.
//!
//! Whoever follows carries the position. Nothing is kept for them here, and while they wait they hold no connection to the database and
//! no turn of their account.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::cursor::Cursors;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::position::{Position, Seen};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::arrivals::snapshot;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::searching::search_live;
use crate::store::tables::event_counts::half_hour_of;
use crate::store::tables::{event_removals, events};
use crate::web::api::caller::{Caller, MAX_LONG_POLL};
use crate::web::api::errors::ApiError;
use crate::web::api::records::EventItem;
use crate::web::middleware::client_disconnect::EndsWithConnection;

/// From where on, and how long to wait.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Following {
    /// The `cursor` of the answer before; `now`; or `oldest` or nothing, for all there are: events come in the order in which they were
    /// committed.
    pub(crate) after: Option<String>,
    /// With `after`: for how many seconds to wait where there is none yet, up to 60.
    #[param(maximum = 60)]
    pub(crate) wait: Option<u64>,
}

impl Following {
    /// How long to wait.
    pub(crate) fn wait(&self) -> Result<Duration, ApiError> {
        let wait = Duration::from_secs(self.wait.unwrap_or(0));
        let wrong = || ApiError::query(format!("wait has to be from 0 to {}", MAX_LONG_POLL.as_secs()));
        if wait <= MAX_LONG_POLL { Ok(wait) } else { Err(wrong()) }
    }
}

/// The events behind a cursor, in the order in which they were committed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FollowedEvents {
    events: Vec<EventItem>,
    /// Where the next request goes on.
    cursor: String,
    /// There was no more when this was read.
    caught_up: bool,
    /// `retention`: events behind the cursor may have passed the time that they are kept for. `deletion`: events of the account that arrived
    /// in a later half hour than that of the cursor were deleted. `unknown`: the database was restored since,
    /// so that what was committed cannot be told, and what follows goes by the ids.
    truncated: Option<&'static str>,
}

/// What was read from a position.
struct Pulled {
    rows: Vec<EventSummary>,
    position: Position,
    caught_up: bool,
    is_restored: bool,
}

/// The rows behind a position, and the answer without their contents.
pub(crate) async fn follow(
    caller: &Caller,
    request: &HttpRequest,
    filter: &EventFilter,
    (following, wait): (&Following, Duration),
    limit: usize,
) -> Result<(Vec<EventSummary>, FollowedEvents), ApiError> {
    let (state, until) = (caller.state(), Instant::now() + wait);
    let cursors = Cursors::new(&state.keys, caller.account());
    let (mut position, is_resumed) = match following.after.as_deref().unwrap_or_default() {
        "" | "oldest" => (Some(Position { at: EventId(Uuid::nil()), seen: Seen::UpToId }), false),
        "now" => (None, false),
        text => (Some(cursors.read(text).ok_or(ApiError::InvalidCursor)?), true),
    };
    let kept_since = state.retention(caller.member()).kept_since(caller.now());
    let is_old = is_resumed && position.as_ref().is_some_and(|position| position.at.received_at() < kept_since);
    let mut truncated = match position.as_ref().filter(|_| is_resumed) {
        Some(_) if is_old => Some("retention"),
        Some(position) if has_gone(caller, position).await? => Some("deletion"),
        _ => None,
    };
    let _ends = EndsWithConnection::new(request);
    // From before the first look, so that nothing comes between.
    let mut listener = state.engine.notifier.listen(caller.account());
    loop {
        let pulled = pull(caller, filter, position.as_ref(), limit).await?;
        if pulled.is_restored {
            truncated = Some("unknown");
        }
        let is_over = !pulled.rows.is_empty() || !pulled.caught_up || Instant::now() >= until || state.is_draining();
        if is_over {
            let cursor = cursors.write(&pulled.position);
            let answer = FollowedEvents { events: Vec::new(), cursor, caught_up: pulled.caught_up, truncated };
            return Ok((pulled.rows, answer));
        }
        position = Some(pulled.position);
        let waiting = state.waiting_readers.acquire(caller.account()).await?;
        caller.let_others_go();
        tokio::select! {
            () = listener.notified_of_change() => {}
            () = sleep_until(until) => {}
        }
        drop(waiting);
        caller.take_turn().await?;
    }
}

/// Whether events were deleted that arrived behind the end that a reader had come to. That is asked of ends alone, so that it is said once.
async fn has_gone(caller: &Caller, position: &Position) -> Result<bool, StoreError> {
    let at = position.at.received_at();
    if !matches!(position.seen, Seen::Shown(_)) || half_hour_of(at) == half_hour_of(caller.now()) {
        return Ok(false);
    }
    event_removals::any_behind(&mut *caller.state().store.connection().await?, caller.account(), at).await
}

/// Reads what is unseen at a position. What has to look through events waits for its turn among the searches.
async fn pull(
    caller: &Caller,
    filter: &EventFilter,
    from: Option<&Position>,
    limit: usize,
) -> Result<Pulled, ApiError> {
    let (store, now) = (&caller.state().store, EventId::first_of(caller.state().clock.now()));
    let read = async |conn: &mut Connection| read(conn, caller, filter, (from, now), limit).await;
    if filter.needs_scan() {
        return Ok(search_live(store, caller.account(), read).await?);
    }
    Ok(read(&mut *store.connection().await?).await?)
}

async fn read(
    conn: &mut Connection,
    caller: &Caller,
    filter: &EventFilter,
    (from, now): (Option<&Position>, EventId),
    limit: usize,
) -> Result<Pulled, StoreError> {
    let until = snapshot(conn).await?;
    let Some(from) = from else {
        let position = Position::shown(now, until);
        return Ok(Pulled { rows: Vec::new(), position, caught_up: true, is_restored: false });
    };
    let understood = from.clone().understood_at(&until);
    let is_restored = understood.seen == Seen::UpToId && from.seen != Seen::UpToId;
    let (mut ids, mut reached) = (Vec::new(), None);
    for (from, until) in understood.not_after(now).steps(&until) {
        let mut scan = EventScan::of_arrivals(caller.account(), filter, (&from, &until), false);
        let found = scan.look(conn, limit - ids.len(), Budget::LIVE).await?;
        ids.extend(found.ids);
        if let Some(Cursor::After(id) | Cursor::Before(id)) = found.next {
            reached = Some(from.within(id, &until));
            break;
        }
    }
    let mut rows = events::list_summaries(conn, caller.account(), &ids).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    let caught_up = reached.is_none();
    let position = reached.unwrap_or_else(|| Position::shown(now, until));
    Ok(Pulled { rows, position, caught_up, is_restored })
}

impl FollowedEvents {
    /// The answer with its events.
    pub(crate) fn with(self, events: Vec<EventItem>) -> HttpResponse {
        HttpResponse::Ok().json(Self { events, ..self })
    }
}
