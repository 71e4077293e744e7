//! Following events: pulled in the order in which they were committed, so that none is missed, with a wait for the next one.
//!
//! Whoever follows carries the position. Nothing is kept for them here, and while they wait they hold no connection to the database and
//! no turn of their account.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::{IntoParams, ToSchema};

use crate::domain::consumer::Truncated;
use crate::domain::cursor::Cursors;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::position::{Position, Seen};
use crate::ingest::notifier::Listener;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::arrivals::snapshot;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::searching::search_live;
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

/// The events behind a cursor, in the order in which they were committed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FollowedEvents {
    events: Vec<EventItem>,
    /// Where the next request goes on.
    cursor: String,
    /// There was no more when this was read.
    caught_up: bool,
    /// `retention`: events behind the cursor may have passed the time that they are kept for. `deletion`: events of the account that arrived
    /// after the cursor was given were deleted. `unknown`: the database was restored, upgraded or failed over since, so that what was
    /// committed cannot be told, and what follows goes by the ids: some may come again.
    truncated: Option<&'static str>,
}

/// What was read from a position.
pub(crate) struct Pulled {
    pub(crate) rows: Vec<EventSummary>,
    /// That of each row, and of some that were deleted meanwhile.
    pub(crate) positions: Vec<Position>,
    /// The step that it was read in, from here on: nothing unseen lies before it.
    pub(crate) from: Position,
    /// Behind it.
    pub(crate) position: Position,
    /// There was no more.
    pub(crate) caught_up: bool,
    /// The position that it was read from is of another database.
    pub(crate) is_restored: bool,
}

impl Pulled {
    /// Whether somebody is answered although this found nothing.
    pub(crate) fn is_last_look(&self, caller: &Caller, until: Instant) -> bool {
        !self.caught_up || Instant::now() >= until || caller.state().is_draining()
    }
}

/// Where somebody begins to follow, and why events may be missing between there and what there is.
pub(crate) struct Start {
    /// `None`: now.
    pub(crate) position: Option<Position>,
    pub(crate) truncated: Option<Truncated>,
}

impl Start {
    /// At a cursor, or a word in its place.
    pub(crate) async fn at(caller: &Caller, text: &str) -> Result<Self, ApiError> {
        match text {
            "" | "oldest" => Ok(Self { position: Some(Position::oldest()), truncated: None }),
            "now" => Ok(Self { position: None, truncated: None }),
            text => {
                let cursors = Cursors::new(&caller.state().keys, caller.account());
                let position = cursors.read(text).ok_or(ApiError::InvalidCursor)?;
                let truncated = missing_behind(caller, &position).await?;
                Ok(Self { position: Some(position), truncated })
            }
        }
    }
}

/// The rows behind a position, and the answer without their contents.
pub(crate) async fn follow(
    caller: &Caller,
    request: &HttpRequest,
    filter: &EventFilter,
    (following, until): (&Following, Instant),
    limit: usize,
) -> Result<(Vec<EventSummary>, FollowedEvents), ApiError> {
    let state = caller.state();
    let cursors = Cursors::new(&state.keys, caller.account());
    let Start { mut position, mut truncated } =
        Start::at(caller, following.after.as_deref().unwrap_or_default()).await?;
    let _ends = EndsWithConnection::new(request);
    // From before the first look, so that nothing comes between.
    let mut listener = state.engine.notifier.listen(caller.account());
    loop {
        let pulled = pull(caller, filter, position.as_ref(), limit).await?;
        if pulled.is_restored {
            truncated = Some(Truncated::Unknown);
        }
        if !pulled.rows.is_empty() || pulled.is_last_look(caller, until) {
            let (cursor, truncated) = (cursors.write(&pulled.position), truncated.map(Truncated::as_str));
            let answer = FollowedEvents { events: Vec::new(), cursor, caught_up: pulled.caught_up, truncated };
            return Ok((pulled.rows, answer));
        }
        position = Some(pulled.position);
        wait_for_news(caller, &mut listener, until).await?;
    }
}

/// Until when somebody waits who asked to, in seconds.
pub(crate) fn deadline(wait: Option<u64>) -> Result<Instant, ApiError> {
    let wait = Duration::from_secs(wait.unwrap_or(0));
    let wrong = || ApiError::query(format!("wait has to be from 0 to {}", MAX_LONG_POLL.as_secs()));
    if wait <= MAX_LONG_POLL { Ok(Instant::now() + wait) } else { Err(wrong()) }
}

/// Waits until something may be new in the account, or until a moment has come: without a connection to the database, and without a turn.
pub(crate) async fn wait_for_news(caller: &Caller, listener: &mut Listener, until: Instant) -> Result<(), ApiError> {
    let waiting = caller.state().waiting_readers.acquire(caller.account()).await?;
    caller.let_others_go();
    tokio::select! {
        () = listener.notified_of_change() => {}
        () = sleep_until(until) => {}
    }
    drop(waiting);
    caller.take_turn().await
}

/// What of the events behind a position may be missing. Of deletions it is asked behind ends alone, so that it is said once.
pub(crate) async fn missing_behind(caller: &Caller, position: &Position) -> Result<Option<Truncated>, StoreError> {
    let state = caller.state();
    if position.at.received_at() < state.retention(caller.member()).kept_since(caller.now()) {
        return Ok(Some(Truncated::Retention));
    }
    if !matches!(position.seen, Seen::Shown(_)) {
        return Ok(None);
    }
    let mut conn = state.store.connection().await?;
    let any = event_removals::any_behind(&mut conn, caller.account(), position.at).await?;
    Ok(any.then_some(Truncated::Deletion))
}

/// Reads what is unseen at a position. What has to look through events waits for its turn among the searches.
pub(crate) async fn pull(
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
        let (rows, positions) = (Vec::new(), Vec::new());
        return Ok(Pulled { rows, positions, from: position.clone(), position, caught_up: true, is_restored: false });
    };
    let understood = from.clone().understood_at(&until);
    let is_restored = understood.seen == Seen::UpToId && from.seen != Seen::UpToId;
    let mut step = understood.not_after(now);
    let mut steps = step.steps(&until).into_iter().peekable();
    let (mut positions, mut reached) = (Vec::new(), None);
    while let Some((from, until)) = steps.next() {
        let mut scan = EventScan::of_arrivals(caller.account(), filter, (&from, &until), false);
        let found = scan.look(conn, limit, Budget::LIVE).await?;
        // An answer is of one step, so that a position within it says which of its events are seen.
        let last = match found.next {
            Some(Cursor::After(id) | Cursor::Before(id)) => Some(id),
            _ => found.ids.last().copied().filter(|_| steps.peek().is_some()),
        };
        positions = found.ids.iter().map(|id| from.within(*id, &until)).collect();
        reached = last.map(|id| from.within(id, &until));
        step = from;
        if reached.is_some() {
            break;
        }
    }
    let ids: Vec<EventId> = positions.iter().map(|position| position.at).collect();
    let mut rows = events::list_summaries(conn, caller.account(), &ids).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    let caught_up = reached.is_none();
    let position = reached.unwrap_or_else(|| Position::shown(now, until));
    Ok(Pulled { rows, positions, from: step, position, caught_up, is_restored })
}

impl FollowedEvents {
    /// The answer with its events.
    pub(crate) fn with(self, events: Vec<EventItem>) -> HttpResponse {
        HttpResponse::Ok().json(Self { events, ..self })
    }
}
