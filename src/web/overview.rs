//! What stands above lists and on the page of a credential: totals, data, senders and bars of a range, without one of the last 24 hours or
//! 30 days, from counts alone; of a search, from what a bounded look finds; of a search for refused requests, from these.

use crate::domain::ids::AccountId;
use crate::domain::listing::Cursor;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::look::Found;
use crate::store::scan::searching::search;
use crate::store::scan::span::Span;
use crate::store::tables::event_counts::Counts;
use crate::store::tables::{counts_by_time, events, rejections};
use crate::web::chart::{Bar, Chart, Drawn, Frame};
use crate::web::filters::list_filters::Filters;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How many events that match are counted at most.
const MOST_COUNTED: usize = 20_000;

/// The figures and the picture, for the credential, the range and the search of the filters.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) chart: Chart,
    /// From how many addresses accepted events came.
    pub(crate) senders: String,
    /// It has what a search found, and nothing else.
    pub(crate) is_of_search: bool,
    /// How many match a search, whatever the chart spans, and whether these are all.
    pub(crate) found: Option<(u64, bool)>,
    /// The list has a range, which it shows.
    pub(crate) is_of_range: bool,
}

impl Overview {
    /// The list of what is in a bar.
    pub(crate) fn to_bar(&self, filters: &Filters, list: &str, bar: &Bar) -> String {
        filters.links.to_span(list, &bar.since, &bar.until, self.is_of_search)
    }

    /// From counts, whatever is searched for.
    pub(crate) async fn read(
        conn: &mut Connection,
        account: AccountId,
        filters: &Filters,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<Self, StoreError> {
        let (filter, range) = (&filters.filter, filters.asked_range());
        let frame = match range {
            (None, None) => Frame::of(filters.overview, now, zone),
            range => Frame::of_range(range, now, zone),
        };
        let counted = counts_by_time::overview(conn, account, filter.credential, frame.bounds()).await?;
        let senders = match filter.until {
            // Addresses are known by when they were seen last.
            Some(_) => "–".to_owned(),
            None => counted.in_use.words(),
        };
        let title = filters.range_title(now, zone);
        let drawn = Drawn { frame: &frame, title: &title, zone, is_at_least: false };
        let is_of_range = range != (None, None);
        Ok(Self { chart: Chart::draw(&counted.counts, &drawn), senders, found: None, is_of_search: false, is_of_range })
    }

    /// From the events that a search finds, as many as a bounded look does. All of them are counted, and those in the range drawn.
    pub(crate) async fn search(
        store: &Store,
        account: AccountId,
        filters: &Filters,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<Self, StoreError> {
        let found = look(store, account, filters).await?;
        let number = found.ids.len() as u64;
        let mut counts: BTreeMap<Timestamp, Counts> = BTreeMap::new();
        for id in found.ids {
            counts.entry(id.received_at()).or_default().accepted += 1;
        }
        let frame = Frame::of_search(filters.drawn_range(now, zone), now, zone);
        // The newest come first: where the look went on behind the range, all in it were found.
        let is_at_least = matches!(found.next, Some(Cursor::Before(id)) if id.received_at() >= frame.first());
        let overview = Self::of_matches(&counts, filters, (&frame, is_at_least), (now, zone));
        Ok(Self { found: Some((number, found.next.is_none())), ..overview })
    }

    /// From refused requests that match.
    pub(crate) async fn of_rejections(
        conn: &mut Connection,
        account: AccountId,
        filters: &Filters,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<Self, StoreError> {
        let frame = Frame::of_search(filters.drawn_range(now, zone), now, zone);
        let counts = rejections::count_by_second(conn, account, filters.of_refused(), frame.first()).await?;
        let refused = |(at, rejected)| (at, Counts { rejected, ..Counts::default() });
        let counts = counts.into_iter().map(refused).collect();
        Ok(Self::of_matches(&counts, filters, (&frame, false), (now, zone)))
    }

    fn of_matches(
        counts: &BTreeMap<Timestamp, Counts>,
        filters: &Filters,
        (frame, is_at_least): (&Frame, bool),
        (now, zone): (Timestamp, &TimeZone),
    ) -> Self {
        let title = filters.range_title(now, zone);
        Self {
            chart: Chart::draw(counts, &Drawn { frame, title: &title, zone, is_at_least }),
            senders: String::new(),
            found: None,
            is_of_search: true,
            is_of_range: filters.asked_range() != (None, None),
        }
    }
}

/// How many events pass the filter, and whether these are all: counted by the key where it asks for a time alone.
pub(crate) async fn count(store: &Store, account: AccountId, filters: &Filters) -> Result<(u64, bool), StoreError> {
    if filters.filter.needs_scan() {
        let found = look(store, account, filters).await?;
        return Ok((found.ids.len() as u64, found.next.is_none()));
    }
    let span = Span::at(&filters.filter, Cursor::Newest);
    let counted = events::count(&mut *store.connection().await?, account, span, MOST_COUNTED + 1).await?;
    Ok((counted.min(MOST_COUNTED as u64), counted <= MOST_COUNTED as u64))
}

/// The newest events that pass, wherever in the list the reader is.
async fn look(store: &Store, account: AccountId, filters: &Filters) -> Result<Found, StoreError> {
    let budget = Budget::PAGE.beside(store.pacing());
    let look = async |conn: &mut _| {
        EventScan::at(account, &filters.filter, Cursor::Newest).look(conn, MOST_COUNTED, budget).await
    };
    search(store, account, look).await
}
