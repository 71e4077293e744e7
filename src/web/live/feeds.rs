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
use crate::measure::Present;
use crate::store::error::StoreError;
use crate::store::{arrivals, sessions};
use crate::web::events::filters::Filters;
use crate::web::live::feed::Feed;
use crate::web::live::reading::Reading;
use crate::web::live::seat::Seat;
use crate::web::live::turns::Turns;
use crate::web::site::Site;

/// How often it is looked whether sessions have ended, and whether anything arrived that nobody was told of: the program that stored it
/// may have been killed before it could say so.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(15);

/// How many feeds an account may have open: as many different filters, in however many pages.
const MAX_FEEDS_OF_ACCOUNT: usize = 64;

/// Whose events, and which of them.
type Key = (AccountId, String);

/// The feeds.
#[derive(Debug)]
pub struct Feeds {
    site: web::Data<Site>,
    /// Feeds outlive the worker whose reader opened them.
    runtime: Handle,
    open: Mutex<HashMap<Key, Arc<Feed>>>,
    seats: AtomicU64,
    looks: Arc<AtomicU64>,
    turns: Arc<Turns>,
}

/// The account has as many feeds as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFeeds;

impl Feeds {
    /// Feeds run where this is called.
    pub fn new(site: web::Data<Site>) -> Self {
        let runtime = Handle::current();
        Self {
            site,
            runtime,
            open: Mutex::default(),
            seats: AtomicU64::new(0),
            looks: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// How often feeds have looked into the database.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Takes a place at the feed of an account and its filters, which is opened if nobody reads it yet.
    pub fn enter(
        self: Arc<Self>,
        account: AccountId,
        filters: Filters,
        session: SessionId,
    ) -> Result<Place, TooManyFeeds> {
        let key = (account, filters.links.to(""));
        let (number, seat) = (self.seats.fetch_add(1, Ordering::Relaxed), Arc::new(Seat::new(session)));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = || open.keys().filter(|(owner, _)| *owner == account).count();
        if !open.contains_key(&key) && of_account() >= MAX_FEEDS_OF_ACCOUNT {
            return Err(TooManyFeeds);
        }
        let feed = open.entry(key.clone()).or_insert_with(|| {
            let reading = Reading { account, cursors: Cursors::new(&self.site.keys, account), filters };
            let feed = Arc::new(Feed::new(reading, self.looks.clone(), self.turns.clone()));
            // Listening begins before the first look, so nothing falls between the two.
            let listener = self.site.engine.wake.listen(account);
            let (running, site) = (feed.clone(), self.site.clone());
            self.runtime.spawn(async move { running.run(&site, listener).await });
            feed
        });
        feed.seats.lock().unwrap_or_else(PoisonError::into_inner).insert(number, seat.clone());
        let feed = feed.clone();
        drop(open);
        Ok(Place {
            site: self.site.clone(),
            feed,
            seat,
            _present: self.site.live_viewers.enter(),
            feeds: self,
            key,
            number,
        })
    }

    fn leave(&self, key: &Key, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(feed) = open.get(key) else { return };
        let is_abandoned = {
            let mut seats = feed.seats.lock().unwrap_or_else(PoisonError::into_inner);
            seats.remove(&number);
            seats.is_empty()
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
    pub async fn look_after(&self, ended: impl Future<Output = ()>) {
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
        let mut conn = self.site.store.connection().await?;
        let ids: Vec<SessionId> = feeds.iter().flat_map(|feed| feed.seats()).map(|seat| seat.session).collect();
        let live = sessions::find_live(&mut conn, &ids, self.site.clock.now()).await?;
        // Of an account that is quiet all feeds are at one position, and are asked about once.
        let mut readers: Vec<(AccountId, Position)> = Vec::new();
        let mut waiting: Vec<(usize, &Arc<Feed>)> = Vec::new();
        let mut places = HashMap::new();
        for feed in &feeds {
            feed.end_all_but(&live);
            if let Some(position) = feed.reached() {
                let account = feed.reading.account;
                let place = *places.entry((account, position.to_string())).or_insert_with(|| {
                    readers.push((account, position));
                    readers.len() - 1
                });
                waiting.push((place, feed));
            }
        }
        // Taken before it is asked who has news: who has none then has seen all that it shows, and goes on from there. Else the events
        // of a flood would be gone through again and again for as long as nothing follows them.
        let now = EventId::first_of(self.site.clock.now());
        let shown = Position::shown(now, arrivals::snapshot(&mut conn).await?);
        let with_news = arrivals::with_news(&mut conn, &readers).await?;
        for (place, feed) in waiting {
            let (account, position) = &readers[place];
            if with_news.contains(&place) {
                self.site.engine.wake.ring_here(*account);
            } else {
                feed.go_on(position, &shown);
            }
        }
        Ok(())
    }
}

/// One reader's place at a feed, given up when dropped.
pub struct Place {
    pub site: web::Data<Site>,
    pub feed: Arc<Feed>,
    pub seat: Arc<Seat>,
    feeds: Arc<Feeds>,
    key: Key,
    number: u64,
    /// Counts this page among those that are live.
    _present: Present,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.feeds.leave(&self.key, self.number);
    }
}
