//! One feed: a query that is polled once for all its subscribers.
//!
//! What readers of one account with the same filters share: one look into the database finds what is new for all of them, and the rows
//! are rendered once. A feed looks when something was said to have arrived, ten times a second at most.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::SessionId;
use crate::domain::position::{Position, Seen, Snapshot};
use crate::domain::rejection::Rejection;
use crate::ingest::notifier::Listener;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::arrivals;
use crate::store::tables::sessions;
use crate::web::app_state::AppState;
use crate::web::live::message::Text;
use crate::web::live::poll_limiter::PollLimiter;
use crate::web::live::reading::Reading;
use crate::web::live::subscriber::Subscriber;

/// Between two looks, so that a flood is ten looks a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// A look that takes long is followed by a pause as many times as long: readers of a slow filter must not keep the database busy.
const PAUSE_FOR_LOOK: u32 = 4;
/// After a look that failed.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// How many pieces a reader may be behind. One who is further behind is told how many events that were.
const MAX_BEHIND: usize = 16;
/// Before something is sent, the sessions of those who get it are looked at, when that was not done for this long.
const SESSIONS_HOLD_FOR: Duration = Duration::from_secs(1);

/// What is sent to every reader of a feed.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// What is new.
    News(Box<News>),
    /// The program is about to end.
    End,
}

/// What one look found, as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) text: Bytes,
    /// The cursor of where its readers were before it, if they missed nothing.
    pub(crate) from: String,
    /// Where its readers are then.
    pub(crate) position: Position,
    /// How many events the feed had told of before it, and after it: who missed pieces can say how many events were in them.
    pub(crate) before: usize,
    pub(crate) after: usize,
}

/// How far a feed has come.
#[derive(Debug, Default)]
struct Progress {
    position: Option<Position>,
    /// When the last look began.
    looked_at: Option<Instant>,
    sessions_looked_at: Option<Instant>,
    /// Rejections are rolled up by the second: those known of the last second, and which that is.
    rejected_since: Timestamp,
    rejected: HashSet<Uuid>,
    /// The acceptances of late events that are known.
    accepted: HashMap<Uuid, u64>,
    /// How many events it has told of.
    told: usize,
}

/// A feed.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) reading: Reading,
    /// Held while one looks: what is sent is sent in order.
    progress: tokio::sync::Mutex<Progress>,
    /// The position of the last look, for whoever does not want to wait for the next.
    reached: Mutex<Option<Position>>,
    chunks: broadcast::Sender<Piece>,
    pub(crate) subscribers: Mutex<HashMap<u64, Arc<Subscriber>>>,
    abandoned: Notify,
    /// Of all feeds.
    polls: Arc<AtomicU64>,
    poll_limiter: Arc<PollLimiter>,
}

/// A reader who has just joined: what comes is new beyond `position`.
pub(crate) struct Joined {
    pub(crate) chunks: broadcast::Receiver<Piece>,
    pub(crate) position: Position,
    pub(crate) until: Snapshot,
    /// How many events the feed had told of until then.
    pub(crate) told: usize,
    /// What was refused since the moment that the reader named, and known to the feed.
    pub(crate) refused: Vec<Rejection>,
}

impl Feed {
    pub(crate) fn new(reading: Reading, polls: Arc<AtomicU64>, poll_limiter: Arc<PollLimiter>) -> Self {
        Self {
            reading,
            progress: tokio::sync::Mutex::default(),
            reached: Mutex::default(),
            chunks: broadcast::Sender::new(MAX_BEHIND),
            subscribers: Mutex::default(),
            abandoned: Notify::new(),
            polls,
            poll_limiter,
        }
    }

    /// Looks whenever something may have arrived, until nobody reads it or the program is about to end.
    pub(crate) async fn run(&self, state: &AppState, mut listener: Listener) {
        loop {
            tokio::select! {
                () = listener.notified_of_change() => {}
                () = self.abandoned.notified() => return,
            }
            loop {
                if state.is_draining() {
                    // Nobody reading is as good.
                    let _ = self.chunks.send(Piece::End);
                    return;
                }
                let looking = async { self.poll(state, &mut *self.progress.lock().await).await };
                // A look that nobody waits for any more ends, and in the database as well.
                let looked = tokio::select! {
                    looked = looking => looked,
                    () = self.abandoned.notified() => return,
                };
                let pause = match looked {
                    Ok(took) => BETWEEN_LOOKS.max(took * PAUSE_FOR_LOOK),
                    Err(ref error) => {
                        tracing::debug!(%error, "a live feed could not look; trying again");
                        BETWEEN_ATTEMPTS
                    }
                };
                let failed = pause == BETWEEN_ATTEMPTS;
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.abandoned.notified() => return,
                }
                if !failed {
                    break;
                }
            }
        }
    }

    /// Nobody reads it any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.notify_one();
    }

    /// The position of the last look.
    pub(crate) fn reached(&self) -> Option<Position> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on from a later position, where nothing is new since the one it is at. A feed that looks meanwhile is beyond both.
    pub(crate) fn go_on(&self, from: &Position, to: &Position) {
        let Ok(mut progress) = self.progress.try_lock() else { return };
        if progress.position.as_ref() == Some(from) {
            progress.position = Some(to.clone());
            *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.clone());
        }
    }

    /// Begins to read. The feed looks first, unless it has since the reader asked: so it is beyond every position that the reader can
    /// have from elsewhere, and what lies between the two is for the reader to fetch.
    pub(crate) async fn join(&self, state: &AppState, refused_since: Option<Timestamp>) -> Result<Joined, StoreError> {
        let asked = Instant::now();
        let mut progress = self.progress.lock().await;
        if progress.looked_at.is_none_or(|at| at < asked) {
            self.poll(state, &mut progress).await?;
        }
        let ended = || StoreError::Unavailable("a live feed has no position".to_owned());
        let position = progress.position.clone().ok_or_else(ended)?;
        let Seen::Shown(until) = position.seen.clone() else { return Err(ended()) };
        let mut refused = Vec::new();
        if let Some(since) = refused_since {
            let mut conn = state.store.connection().await?;
            refused = self.reading.list_refused(&mut conn, since).await?;
            // The others come to everybody with the next look.
            refused.retain(|one| one.at < progress.rejected_since || progress.rejected.contains(&one.id));
        }
        Ok(Joined { chunks: self.chunks.subscribe(), position, until, told: progress.told, refused })
    }

    /// What is new since the last look, sent to everybody who reads. Answers with how long that took, once it was its turn.
    async fn poll(&self, state: &AppState, progress: &mut Progress) -> Result<Duration, StoreError> {
        let poll = self.reading.on_connection(&state.store, async |conn| self.poll_on(conn, state, progress).await);
        self.poll_limiter.take(self.reading.account, &self.reading.filters.filter, poll).await
    }

    async fn poll_on(
        &self,
        conn: &mut Connection,
        state: &AppState,
        progress: &mut Progress,
    ) -> Result<Duration, StoreError> {
        let began = Instant::now();
        self.polls.fetch_add(1, Ordering::Relaxed);
        let now = state.clock.now();
        let until = arrivals::snapshot(conn).await?;
        let reached = Position::shown(EventId::first_of(now), until.clone());
        let (mut text, mut count) = (Text::default(), 0);
        if let Some(from) = &progress.position {
            (text, count) = self.reading.news(conn, from, &reached, &until, now).await?;
        } else {
            progress.rejected_since = second_of(now);
        }
        let refused = self.reading.list_refused(conn, progress.rejected_since).await?;
        if progress.position.is_some() {
            for one in refused.iter().filter(|one| !progress.rejected.contains(&one.id)) {
                text.rejected(one, &self.reading.page, now);
            }
        }
        // Late events have ids that are older than any that is looked for, so it is the audit trail that tells of them.
        let accepted_since = progress.position.as_ref().map_or(now, |from| from.at.received_at().min(now));
        let accepted = self.reading.list_acceptances(conn, accepted_since).await?;
        let accepted_now =
            accepted.iter().filter(|(id, _)| !progress.accepted.contains_key(id)).map(|(_, stored)| stored);
        let late: u64 = accepted_now.sum();
        if progress.position.is_some() && late > 0 {
            text.accepted_late(late);
        }
        if !text.0.is_empty() && progress.sessions_looked_at.is_none_or(|at| at.elapsed() >= SESSIONS_HOLD_FOR) {
            let ids: Vec<SessionId> = self.subscribers().iter().map(|subscriber| subscriber.session).collect();
            self.end_all_but(&sessions::find_live(conn, &ids, now).await?);
            progress.sessions_looked_at = Some(began);
        }
        // From here on nothing fails, so what was sent is what is noted.
        if let Some(newest) = refused.last() {
            progress.rejected_since = newest.at;
            progress.rejected = refused.iter().map(|one| one.id).collect();
        }
        progress.accepted = accepted;
        progress.looked_at = Some(began);
        self.publish(progress, reached, (text, count));
        Ok(began.elapsed())
    }

    /// Sends what is new up to a position, where there is anything, and goes on from there.
    fn publish(&self, progress: &mut Progress, reached: Position, (mut text, count): (Text, usize)) {
        let from = progress.position.replace(reached.clone());
        if let Some(from) = from
            && !text.0.is_empty()
        {
            text.reached(&self.reading.cursors.write(&reached));
            let (before, after) = (progress.told, progress.told + count);
            progress.told = after;
            let news = News {
                text: Bytes::from(text.0),
                from: self.reading.cursors.write(&from),
                position: reached.clone(),
                before,
                after,
            };
            let _ = self.chunks.send(Piece::News(Box::new(news)));
        }
        // After it was sent: who sees this position and nothing waiting has everything until here.
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(reached);
    }

    pub(crate) fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Lets those go whose session has ended.
    pub(crate) fn end_all_but(&self, live: &HashSet<SessionId>) {
        for subscriber in self.subscribers() {
            if !live.contains(&subscriber.session) {
                subscriber.end();
            }
        }
    }
}

/// The second of a moment, as rejections are rolled up by.
pub(crate) fn second_of(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
