//! What stands above lists and on the page of a credential: totals, data, senders and bars of a range, without one of the last 24 hours or
//! 30 days, from counts alone; of a search, from what a bounded look finds.

use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::searching::search;
use crate::store::tables::counts_by_time;
use crate::store::tables::event_counts::Counts;
use crate::web::chart::{Bar, Chart, Drawn, Frame};
use crate::web::filters::list_filters::Filters;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How many events of a search are counted for its chart.
const MOST_COUNTED: usize = 20_000;

/// The figures and the picture, for the credential, the range and the search of the filters.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) chart: Chart,
    /// From how many addresses accepted events came.
    pub(crate) senders: String,
    /// It has what a search found, and nothing else.
    pub(crate) is_of_search: bool,
    /// How many events a search found, and whether there may be more.
    pub(crate) found: (u64, bool),
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
        Ok(Self {
            chart: Chart::draw(&counted.counts, &drawn),
            senders,
            found: (0, false),
            is_of_search: false,
            is_of_range,
        })
    }

    /// From the events that a search finds, as many as a bounded look does.
    pub(crate) async fn search(
        store: &Store,
        account: AccountId,
        filters: &Filters,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<Self, StoreError> {
        let range = match filters.asked_range() {
            (None, None) => (Some(filters.overview.start(now, zone)), None),
            range => range,
        };
        let filter = EventFilter { since: filters.filter.since.max(range.0), ..filters.filter.clone() };
        let budget = Budget::PAGE.beside(store.pacing());
        let look =
            async |conn: &mut _| EventScan::at(account, &filter, Cursor::Newest).look(conn, MOST_COUNTED, budget).await;
        let found = search(store, account, look).await?;
        let found_so_far = (found.ids.len() as u64, found.next.is_some());
        let mut counts: BTreeMap<Timestamp, Counts> = BTreeMap::new();
        for id in found.ids {
            counts.entry(id.received_at()).or_default().accepted += 1;
        }
        let title = filters.range_title(now, zone);
        let frame = Frame::of_search(range, now, zone);
        let drawn = Drawn { frame: &frame, title: &title, zone, is_at_least: found.next.is_some() };
        let is_of_range = filters.asked_range() != (None, None);
        Ok(Self {
            chart: Chart::draw(&counts, &drawn),
            senders: String::new(),
            found: found_so_far,
            is_of_search: true,
            is_of_range,
        })
    }
}
