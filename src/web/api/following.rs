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
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::Position;
use crate::fair_queue::Permit;
use crate::ingest::notifier::Listener;
use crate::store::connection::pool::Connection;
use crate::store::scan::arrivals::snapshot;
use crate::store::scan::budget::Budget;
use crate::store::scan::following::{self, Pulled};
use crate::store::scan::searching::search_live;
use crate::web::api::caller::{Caller, MAX_LONG_POLL};
use crate::web::api::errors::ApiError;
use crate::web::api::lists::MAX_WITH_CONTENTS;
use crate::web::api::rate_limit::RateLimit;
use crate::web::api::records::EventItem;
use crate::web::middleware::client_disconnect::EndsWithConnection;

/// It is looked this often in any case.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Between two looks that found nothing, so that a flood is ten looks a second.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// A look that takes long is followed by a pause as many times as long.
pub(crate) const PAUSE_FOR_LOOK: u32 = 4;

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

/// Where somebody begins to follow, and why events may be missing between there and what there is.
pub(crate) struct Start {
    /// `None`: now.
    pub(crate) position: Option<Position>,
    pub(crate) truncated: Option<Truncated>,
}

impl Start {
    /// At a cursor, or a word in its place.
    pub(crate) fn at(caller: &Caller, text: &str) -> Result<Self, ApiError> {
        match text {
            "" | "oldest" => Ok(Self { position: Some(Position::oldest()), truncated: None }),
            "now" => Ok(Self { position: None, truncated: None }),
            text => {
                let cursors = Cursors::new(&caller.state().keys, caller.account());
                let position = cursors.read(text).ok_or(ApiError::InvalidCursor)?;
                let truncated = has_expired(caller, &position).then_some(Truncated::Retention);
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
    let cursors = Cursors::new(&caller.state().keys, caller.account());
    let Start { mut position, mut truncated } = Start::at(caller, following.after.as_deref().unwrap_or_default())?;
    let mut poll = LongPoll::new(caller, request, until);
    loop {
        let pulled = pull(caller, filter, position.as_ref(), limit).await?;
        truncated = pulled.truncated(truncated);
        if !pulled.rows.is_empty() || !pulled.caught_up || !poll.may_have_news().await? {
            poll.require_let_in().await?;
            count_only_small(caller, request, &pulled.rows);
            let (cursor, truncated) = (cursors.write(&pulled.position), truncated.map(Truncated::as_str));
            let answer = FollowedEvents { events: Vec::new(), cursor, caught_up: pulled.caught_up, truncated };
            return Ok((pulled.rows, answer));
        }
        position = Some(pulled.position);
    }
}

/// Who is far behind is as fast as the program: an answer with many events does not count among the requests of the account.
pub(crate) fn count_only_small(caller: &Caller, request: &HttpRequest, rows: &[EventSummary]) {
    if rows.len() >= MAX_WITH_CONTENTS {
        RateLimit::give_back(caller.state(), request, caller.account());
    }
}

/// Until when somebody waits who asked to, in seconds.
pub(crate) fn deadline(wait: Option<u64>) -> Result<Instant, ApiError> {
    let wait = Duration::from_secs(wait.unwrap_or(0));
    let wrong = || ApiError::query(format!("wait has to be from 0 to {}", MAX_LONG_POLL.as_secs()));
    if wait <= MAX_LONG_POLL { Ok(Instant::now() + wait) } else { Err(wrong()) }
}

/// A wait for the next event, in a place among those who wait: without a connection to the database, and without a turn.
pub(crate) struct LongPoll<'c> {
    caller: &'c Caller,
    listener: Listener,
    until: Instant,
    place: Option<Permit<AccountId>>,
    /// When the last look began.
    looked_at: Instant,
    ends: EndsWithConnection,
}

impl<'c> LongPoll<'c> {
    /// From before the first look, so that nothing comes between.
    pub(crate) fn new(caller: &'c Caller, request: &HttpRequest, until: Instant) -> Self {
        let listener = caller.state().engine.notifier.listen(caller.account());
        let ends = EndsWithConnection::new(request);
        Self { caller, listener, until, place: None, looked_at: Instant::now(), ends }
    }

    /// Waits until something may be new in the account and it is the caller's turn to look; `false` when the time is over. A look that
    /// found nothing is followed by a pause, since what the account is told of may not be what the caller follows.
    pub(crate) async fn may_have_news(&mut self) -> Result<bool, ApiError> {
        let Self { caller, until, .. } = *self;
        let is_over = || Instant::now() >= until || caller.state().is_draining();
        // Whose end came along with the request is not heard of again.
        if is_over() || self.ends.is_over() {
            return Ok(false);
        }
        if self.place.is_none() {
            self.place = Some(caller.state().waiting_readers.acquire(caller.account()).await?);
        }
        caller.let_others_go();
        let rested = Instant::now() + BETWEEN_LOOKS.max(self.looked_at.elapsed() * PAUSE_FOR_LOOK);
        // The program that stored an event may have been killed before it could tell of it.
        tokio::select! {
            () = self.listener.notified_of_change() => {}
            () = sleep_until(until.min(Instant::now() + LOOK_EVERY)) => {}
        }
        sleep_until(rested.min(until)).await;
        let has_turn = !is_over() && caller.take_turn_before(until).await?;
        self.looked_at = Instant::now();
        Ok(has_turn)
    }

    /// Goes on only where the token and its user still let in who has waited: a revocation counts from then on, on every instance.
    pub(crate) async fn require_let_in(&self) -> Result<(), ApiError> {
        let is_let_in = self.place.is_none() || self.caller.is_still_let_in().await?;
        if is_let_in { Ok(()) } else { Err(ApiError::InvalidToken) }
    }
}

/// Whether events behind a position may have passed the time that they are kept for.
pub(crate) fn has_expired(caller: &Caller, position: &Position) -> bool {
    position.at.received_at() < caller.state().retention(caller.member()).kept_since(caller.now())
}

/// Reads what is unseen at a position. What has to look through events waits for its turn among the searches.
pub(crate) async fn pull(
    caller: &Caller,
    filter: &EventFilter,
    from: Option<&Position>,
    limit: usize,
) -> Result<Pulled, ApiError> {
    let (store, now) = (&caller.state().store, EventId::first_of(caller.state().clock.now()));
    let account = caller.account();
    let read = async |conn: &mut Connection| match from {
        Some(from) => following::pull(conn, account, filter, (from, now), (limit, Budget::LIVE)).await,
        None => Ok(Pulled::nothing(Position::shown(now, snapshot(conn).await?))),
    };
    if filter.needs_scan() {
        return Ok(search_live(store, account, read).await?);
    }
    Ok(read(&mut *store.connection().await?).await?)
}

impl FollowedEvents {
    /// The answer with its events.
    pub(crate) fn with(self, events: Vec<EventItem>) -> HttpResponse {
        HttpResponse::Ok().json(Self { events, ..self })
    }
}
