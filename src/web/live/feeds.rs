//! The registry of feeds, and the task that polls them.
//!
//! All feeds of this program: one for each account and filter that somebody reads. Looks after all of them at once, so that their number
//! does not matter while nothing arrives.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web;
use tokio::runtime::Handle;

use crate::domain::cursor::Cursors;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, SessionId};
use crate::domain::position::Position;
use crate::metrics::Present;
use crate::store::connection::error::StoreError;
use crate::store::scan::arrivals;
use crate::store::tables::sessions;
use crate::web::app_state::AppState;
use crate::web::errors::LiveLimit;
use crate::web::filters::list_filters::Filters;
use crate::web::live::feed::Feed;
use crate::web::live::poll_limiter::PollLimiter;
use crate::web::live::reading::Reading;
use crate::web::live::subscriber::Subscriber;
use crate::web::page::Page;
use crate::web::zone::Clock;

/// How often it is looked whether sessions have ended, and whether anything arrived that nobody was told of: the program that stored it
/// may have been killed before it could say so.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(15);

/// How many feeds an account may have open: as many different filters, in however many pages.
const MAX_FEEDS_OF_ACCOUNT: usize = 64;
/// How many pages may be live in one session, and in all of an account.
const MAX_READERS_OF_SESSION: usize = 20;
const MAX_READERS_OF_ACCOUNT: usize = 100;

/// Whose events, which of them, and how their times are written.
type Key = (AccountId, String);

/// The feeds.
#[derive(Debug)]
pub struct Feeds {
    state: web::Data<AppState>,
    /// Feeds outlive the worker whose reader opened them.
    runtime: Handle,
    open: Mutex<HashMap<Key, Arc<Feed>>>,
    subscribers: AtomicU64,
    polls: Arc<AtomicU64>,
    poll_limiter: Arc<PollLimiter>,
}

impl Feeds {
    /// Feeds run where this is called.
    pub(crate) fn new(state: web::Data<AppState>) -> Self {
        let runtime = Handle::current();
        Self {
            state,
            runtime,
            open: Mutex::default(),
            subscribers: AtomicU64::new(0),
            polls: Arc::default(),
            poll_limiter: Arc::default(),
        }
    }

    /// How often feeds have looked into the database.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Takes a place at the feed of an account and its filters, which is opened if nobody reads it yet.
    pub(crate) fn enter(
        self: Arc<Self>,
        account: AccountId,
        (filters, clock): (Filters, Clock),
        session: SessionId,
    ) -> Result<Subscription, LiveLimit> {
        let key = (account, format!("{} {}", filters.links.to(""), clock.key()));
        let (number, subscriber) =
            (self.subscribers.fetch_add(1, Ordering::Relaxed), Arc::new(Subscriber::new(session)));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.place(&open, &key, session)?;
        let feed = open.entry(key.clone()).or_insert_with(|| {
            let reading = Reading {
                account,
                cursors: Cursors::new(&self.state.keys, account),
                filters,
                page: Page::reading(clock),
            };
            let feed = Arc::new(Feed::new(reading, self.polls.clone(), self.poll_limiter.clone()));
            // Listening begins before the first look, so nothing falls between the two.
            let listener = self.state.engine.notifier.listen(account);
            let (running, state) = (feed.clone(), self.state.clone());
            self.runtime.spawn(async move { running.run(&state, listener).await });
            feed
        });
        feed.subscribers.lock().unwrap_or_else(PoisonError::into_inner).insert(number, subscriber.clone());
        let feed = feed.clone();
        drop(open);
        Ok(Subscription { state: self.state.clone(), feed, subscriber, _present: present, feeds: self, key, number })
    }

    /// A place for one more page, among those that are live.
    fn place(&self, open: &HashMap<Key, Arc<Feed>>, key: &Key, session: SessionId) -> Result<Present, LiveLimit> {
        let of_account: Vec<&Arc<Feed>> =
            open.iter().filter(|((owner, _), _)| *owner == key.0).map(|(_, feed)| feed).collect();
        let readers: Vec<_> = of_account.iter().flat_map(|feed| feed.subscribers()).collect();
        if readers.iter().filter(|reader| reader.session == session).count() >= MAX_READERS_OF_SESSION {
            return Err(LiveLimit::InSession);
        }
        if readers.len() >= MAX_READERS_OF_ACCOUNT {
            return Err(LiveLimit::InAccount);
        }
        if !open.contains_key(key) && of_account.len() >= MAX_FEEDS_OF_ACCOUNT {
            return Err(LiveLimit::Filters);
        }
        let viewers = &self.state.live_viewers;
        if usize::try_from(viewers.get()).is_ok_and(|viewers| viewers >= self.state.max_live_viewers) {
            return Err(LiveLimit::InProgram);
        }
        Ok(viewers.enter())
    }

    fn leave(&self, key: &Key, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(feed) = open.get(key) else { return };
        let is_abandoned = {
            let mut subscribers = feed.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            subscribers.remove(&number);
            subscribers.is_empty()
        };
        if is_abandoned {
            feed.abandon();
            open.remove(key);
        }
    }

    fn all(&self) -> Vec<Arc<Feed>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Looks after them now and then, until `ended`.
    pub(crate) async fn look_after(&self, ended: impl Future<Output = ()>) {
        let looking = async {
            loop {
                tokio::time::sleep(LOOK_AFTER_EVERY).await;
                if let Err(error) = self.look_after_once().await {
                    tracing::debug!(%error, "live feeds were not looked after; it is tried again");
                }
            }
        };
        tokio::select! {
            () = looking => {}
            () = ended => {}
        }
    }

    /// Looks after them once.
    pub async fn look_after_once(&self) -> Result<(), StoreError> {
        let feeds = self.all();
        if feeds.is_empty() {
            return Ok(());
        }
        let mut conn = self.state.store.connection().await?;
        let ids: Vec<SessionId> =
            feeds.iter().flat_map(|feed| feed.subscribers()).map(|subscriber| subscriber.session).collect();
        let live = sessions::find_live(&mut conn, &ids, self.state.clock.now()).await?;
        // Of an account that is quiet all feeds are at one position, and are asked about once.
        let mut readers: Vec<(AccountId, Position)> = Vec::new();
        let mut waiting: Vec<(usize, &Arc<Feed>)> = Vec::new();
        let mut places = HashMap::new();
        for feed in &feeds {
            feed.end_all_but(&live);
            if let Some(position) = feed.reached() {
                let account = feed.reading.account;
                let subscription = *places.entry((account, position.to_string())).or_insert_with(|| {
                    readers.push((account, position));
                    readers.len() - 1
                });
                waiting.push((subscription, feed));
            }
        }
        // Taken before it is asked who has news: who has none then has seen all that it shows, and goes on from there. Else the events
        // of a flood would be gone through again and again for as long as nothing follows them.
        let now = EventId::first_of(self.state.clock.now());
        let newest = arrivals::snapshot(&mut conn).await?;
        let with_news = arrivals::with_news(&mut conn, &readers).await?;
        let shown = Position::shown(now, newest.clone());
        for (subscription, feed) in waiting {
            let (account, position) = &readers[subscription];
            if with_news.contains(&subscription) || !position.is_understood_at(&newest) {
                self.state.engine.notifier.notify_local(*account);
            } else {
                feed.go_on(position, &shown);
            }
        }
        Ok(())
    }
}

/// One reader's place at a feed, given up when dropped.
pub(crate) struct Subscription {
    pub(crate) state: web::Data<AppState>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) subscriber: Arc<Subscriber>,
    feeds: Arc<Feeds>,
    key: Key,
    number: u64,
    /// Counts this page among those that are live.
    _present: Present,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feeds.leave(&self.key, self.number);
    }
}
