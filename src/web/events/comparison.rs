//! One event beside the one before it from the same credential: what was added, removed and changed in the body.

use std::hash::RandomState;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::computing::{MAX_COST_ON_WORKER, compute};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::{EventId, StoredEvent};
use crate::domain::event_kind::{EventKind, LOOKED_INTO};
use crate::domain::grouped::grouped;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::size::size;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::searching::search;
use crate::store::tables::{credentials, events};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::event::parse_id;
use crate::web::events::event_body::path_text;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::When;
use crate::web::json_view::changes::{Change, Changes, Counts, MAX_VALUES, Values, changes};
use crate::web::json_view::location::ValueLocation;
use crate::web::json_view::preview::preview;
use crate::web::json_view::tokens::{COLLAPSED, Span, first_bytes};
use crate::web::page::Page;
use crate::web::responses::html;

/// How long a comparison waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// Differences on a page. With the bounds of each, they are a light page whatever is in them.
const CHANGES_PER_PAGE: usize = 50;
/// Among how many events before it one of the same kind is looked for.
const LOOKED_AT: usize = 20;
/// How much of a value a difference shows, in bytes.
const MAX_VALUE_BYTES: usize = 160;
/// How much of a path it shows, in bytes: the end of it.
const MAX_PATH_BYTES: usize = 160;
/// Two long texts are shown from a little before the first place in which they differ, in bytes.
const BYTES_BEFORE_DIFFERENCE: usize = 30;

/// What part of the comparison an address asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    start: Option<usize>,
    /// Where to go on looking for the event before.
    before: Option<String>,
    /// Whatever kind the event before is of.
    any: Option<String>,
}

/// How the event before was chosen.
enum Chosen {
    /// There is nothing to choose by, or the reader wants any.
    Any,
    SameKind,
    /// The same, and not directly before: the address that compares with that one.
    SkippingOthers(String),
    /// None of those that were looked at is of the same kind.
    NoneOfKind,
}

/// What was found before an event.
struct Previous {
    event: Option<StoredEvent>,
    is_same_kind: Option<bool>,
    is_direct: bool,
    /// Where looking for it was too much for one page.
    looked_to: Option<EventId>,
}

/// One difference as the page shows it. An empty value stands for none.
struct Row {
    sign: &'static str,
    word: &'static str,
    path: String,
    link: String,
    before: Vec<Span>,
    after: Vec<Span>,
}

/// What came of comparing two bodies.
enum Outcome {
    SameBytes,
    /// Another spacing, another order of keys.
    SameValues,
    TooMany,
    Different {
        rows: Vec<Row>,
        counts: Counts,
    },
}

/// One of the two events.
struct Side {
    id: String,
    link: String,
    received: When,
    size: String,
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct Show {
    page: Page,
    credential: String,
    this: Side,
    previous: Option<Side>,
    chosen: Chosen,
    /// No event was found back to this time, and the address that goes on from there.
    further: Option<(When, String)>,
    outcome: Option<Outcome>,
    retention_days: u32,
    back: String,
    /// The number of the first difference that is shown, and the addresses of those before and after.
    start: usize,
    earlier: Option<String>,
    later: Option<String>,
}

impl Outcome {
    /// The number of the first difference after those that are shown from a number on.
    fn next(&self, start: usize) -> Option<usize> {
        let Outcome::Different { rows, counts } = self else { return None };
        Some(start + rows.len()).filter(|next| *next < counts.all())
    }
}

impl Show {
    /// `51 to 100 of 1,234`.
    fn range(&self, rows: &[Row], counts: &Counts) -> String {
        let [first, last, all] = [self.start + 1, self.start + rows.len(), counts.all()].map(|n| grouped(n as u64));
        format!("{first} to {last} of {all}")
    }

    /// `2 changed, 1 added`.
    fn summary(&self, counts: &Counts) -> String {
        let words = [
            (counts.changed, "changed"),
            (counts.added, "added"),
            (counts.removed, "removed"),
            (counts.respelled, "spelled differently"),
        ];
        let words = words.iter().filter(|(count, _)| *count > 0);
        words.map(|(count, word)| format!("{} {word}", grouped(*count as u64))).collect::<Vec<_>>().join(", ")
    }

    fn max_values(&self) -> String {
        grouped(MAX_VALUES as u64)
    }
}

/// `GET /events/{id}/comparison`
pub(crate) async fn show(
    current_user: SignedIn,
    id: web::Path<String>,
    query: web::Query<Query>,
    part: web::Query<Part>,
) -> Result<HttpResponse, PageError> {
    let id = parse_id(&id)?;
    current_user.require_kept(id)?;
    let (account, start) = (current_user.member.account_id, part.start.unwrap_or(0));
    // Before a body is read: what a comparison takes is many times as much.
    let _permit = current_user.state().comparisons.acquire_within(account, MAX_WAIT).await?;
    let mut conn = current_user.state().store.connection().await?;
    let event = events::find(&mut conn, account, id).await?.ok_or(PageError::NotFound)?;
    let credentials = credentials::list(&mut conn, account).await?;
    // A search waits for its turn, and not with a connection that others could use.
    drop(conn);
    let from = part.before.as_deref().and_then(|input| input.parse().ok()).unwrap_or(id).min(id);
    let Previous { event: previous, is_same_kind, is_direct, looked_to } =
        find_previous(&current_user, &event, from, part.any.is_none()).await?;

    let filters = Filters::new(&query, &credentials, current_user.now()).keeping(current_user.kept_since());
    let own = format!("/events/{id}/comparison");
    let further =
        looked_to.map(|to| (When::exactly(to.received_at()), filters.links.with(&own, "before", &to.to_string())));
    // The pages that follow go on where looking went on, rather than looking again.
    let own = match &part.before {
        Some(_) => filters.links.with(&own, "before", &from.to_string()),
        None => filters.links.to(&own),
    };
    let chosen = match is_same_kind {
        None => Chosen::Any,
        Some(true) if is_direct => Chosen::SameKind,
        Some(true) => Chosen::SkippingOthers(join(&own, "any", "1")),
        Some(false) => Chosen::NoneOfKind,
    };
    let own = if part.any.is_some() { join(&own, "any", "1") } else { own };
    let page_from = |start: usize| join(&own, "start", &start.to_string());
    let (this, before) = (side(&event, &filters), previous.as_ref().map(|event| side(event, &filters)));
    let credential = escape_invisible(&event.summary.credential_name).into_owned();
    let outcome = match previous {
        Some(previous) => {
            let links = [&previous, &event].map(|event| filters.links.to(&format!("/events/{}", event.summary.id)));
            Some(compare(account, [previous.body, event.body], links, start).await?)
        }
        None => None,
    };
    html(&Show {
        page: current_user.page("Compare events").at("events", ""),
        credential,
        this,
        previous: before,
        chosen,
        further,
        retention_days: current_user.state().retention_days,
        back: filters.links.to("/events"),
        start,
        earlier: (start > 0).then(|| page_from(start.saturating_sub(CHANGES_PER_PAGE))),
        later: outcome.as_ref().and_then(|outcome| outcome.next(start)).map(page_from),
        outcome,
    })
}

/// The event of the same credential before an id: the last one of the same kind, where that is wanted and there is one.
async fn find_previous(
    current_user: &SignedIn,
    event: &StoredEvent,
    from: EventId,
    same_kind: bool,
) -> Result<Previous, PageError> {
    let (account, store) = (current_user.member.account_id, &current_user.state().store);
    let of_credential = EventFilter {
        credential: Some(event.summary.credential_id),
        since: current_user.kept_since(),
        ..EventFilter::default()
    };
    let mut scan = EventScan::at(account, &of_credential, Cursor::Before(from));
    let kind = if same_kind { EventKind::of(&event.body) } else { None };
    let wanted = if kind.is_some() { LOOKED_AT } else { 1 };
    let found = search(store, account, async |conn| scan.look(conn, wanted, Budget::PAGE).await).await?;
    let Some(direct) = found.ids.first().copied() else {
        let looked_to = if let Some(Cursor::Before(id)) = found.next { Some(id) } else { None };
        return Ok(Previous { event: None, is_same_kind: None, is_direct: true, looked_to });
    };
    let mut conn = store.connection().await?;
    let (mut id, mut is_same_kind) = (direct, None);
    if let Some(kind) = kind {
        let columns = events::columns_of(&mut conn, account, (&kind.fields, LOOKED_INTO as i32), &found.ids).await?;
        let of_kind = found.ids.iter().find(|id| columns.get(id).is_some_and(|cells| kind.is_of(cells)));
        (id, is_same_kind) = (of_kind.copied().unwrap_or(direct), Some(of_kind.is_some()));
    }
    let event = events::find(&mut conn, account, id).await?;
    Ok(Previous { event, is_same_kind, is_direct: id == direct, looked_to: None })
}

fn side(event: &StoredEvent, filters: &Filters) -> Side {
    let id: EventId = event.summary.id;
    Side {
        id: id.to_string(),
        link: filters.links.to(&format!("/events/{id}")),
        received: When::exactly(id.received_at()),
        size: size(event.summary.size_bytes),
    }
}

async fn compare(
    account: AccountId,
    [old, new]: [String; 2],
    links: [String; 2],
    start: usize,
) -> Result<Outcome, PageError> {
    if old == new {
        return Ok(Outcome::SameBytes);
    }
    if (old.len() + new.len()) as u64 <= MAX_COST_ON_WORKER {
        return Ok(compared(&old, &new, &links, start));
    }
    Ok(compute(account, move |_| compared(&old, &new, &links, start)).await?)
}

fn compared(old: &str, new: &str, links: &[String; 2], start: usize) -> Outcome {
    let key = RandomState::new();
    let (Some(olds), Some(news)) = (Values::read(old, &key), Values::read(new, &key)) else {
        return Outcome::TooMany;
    };
    let Changes { listed, counts } = changes(&olds, &news, start, CHANGES_PER_PAGE);
    if counts.all() == 0 {
        return Outcome::SameValues;
    }
    let is_removed = |change: &&Change| matches!(change, Change::Removed { .. });
    let removed = listed.iter().filter(is_removed).filter_map(|change| change.in_old()).map(|id| olds.at(id));
    let others = listed.iter().filter_map(|change| change.in_new()).map(|id| news.at(id));
    let (removed, others) = (removed.collect::<Vec<_>>(), others.collect::<Vec<_>>());
    let ways = ValueLocation::find_all(new, &others).into_iter().chain(ValueLocation::find_all(old, &removed));
    let rows = listed.iter().zip(ways).map(|(change, location)| {
        let texts = [change.in_old().map(|id| olds.text(id)), change.in_new().map(|id| news.text(id))];
        row(change, &location, texts, links)
    });
    Outcome::Different { rows: rows.collect(), counts }
}

fn row(change: &Change, location: &ValueLocation<'_>, texts: [Option<&str>; 2], links: &[String; 2]) -> Row {
    let (sign, word) = match change {
        Change::Added { .. } => ("+", "Added"),
        Change::Removed { .. } => ("−", "Removed"),
        Change::Changed { .. } => ("~", "Changed"),
        Change::Respelled { .. } => ("=", "Spelled differently"),
    };
    let skipped = match texts {
        [Some(old), Some(new)] => same_bytes(old, new).saturating_sub(BYTES_BEFORE_DIFFERENCE),
        _ => 0,
    };
    let [old_link, new_link] = links;
    let link = if change.in_new().is_some() { new_link } else { old_link };
    let [before, after] = texts.map(|text| text.map(|text| excerpt(text, skipped)).unwrap_or_default());
    Row { sign, word, path: short_path(location), link: join(link, "at", &location.at.to_string()), before, after }
}

/// The path of a value, of a long one its end.
fn short_path(location: &ValueLocation<'_>) -> String {
    let path = path_text(&[], location);
    match path.len().checked_sub(MAX_PATH_BYTES) {
        None | Some(0) => path,
        Some(cut) => format!("…{}", &path[path.ceil_char_boundary(cut)..]),
    }
}

/// An address with one thing more.
fn join(address: &str, name: &str, value: &str) -> String {
    format!("{address}{}{name}={value}", if address.contains('?') { '&' } else { '?' })
}

/// How much of two strings is the same at their start; 0 where that is not worth leaving out.
fn same_bytes(old: &str, new: &str) -> usize {
    let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let are_strings = old.starts_with('"') && new.starts_with('"');
    if are_strings && same > MAX_VALUE_BYTES / 2 { same } else { 0 }
}

/// A value on one line; of a string whose start is the same in the other, without that.
fn excerpt(text: &str, skipped: usize) -> Vec<Span> {
    if skipped == 0 {
        return preview(text, MAX_VALUE_BYTES);
    }
    let rest = &text[text.floor_char_boundary(skipped)..];
    let shown = first_bytes(rest, MAX_VALUE_BYTES);
    let mut spans = vec![
        Span { class: COLLAPSED, text: "…".to_owned() },
        Span { class: "j-s", text: escape_invisible(shown).into_owned() },
    ];
    if shown.len() < rest.len() {
        spans.push(Span { class: COLLAPSED, text: "…".to_owned() });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::{MAX_VALUE_BYTES, Outcome, compared, excerpt, same_bytes};

    #[test]
    fn two_long_texts_are_shown_where_they_differ() {
        let old = format!("\"{}é old {}\"", "x".repeat(5_000), "y".repeat(500));
        let new = format!("\"{}è new\"", "x".repeat(5_000));
        let skipped = same_bytes(&old, &new) - 10;
        let shown = |text: &str| excerpt(text, skipped).into_iter().map(|span| span.text).collect::<String>();
        assert_eq!(shown(&new), "…xxxxxxxxxè new\"");
        assert!(shown(&old).starts_with("…xxxxxxxxxé old yyy") && shown(&old).ends_with("y…"));
        assert!(shown(&old).chars().count() <= MAX_VALUE_BYTES + 2);
        assert_eq!(same_bytes("\"ab\"", "\"ac\""), 0);
    }

    #[test]
    fn equal_values_are_told_apart_from_equal_bytes() {
        let links = [String::new(), String::new()];
        assert!(matches!(compared("[1]", "[ 1 ]", &links, 0), Outcome::SameValues));
        assert!(matches!(compared("[1]", "[2]", &links, 0), Outcome::Different { .. }));
        let many = format!("[{}1]", "1,".repeat(super::MAX_VALUES));
        assert!(matches!(compared("[1]", &many, &links, 0), Outcome::TooMany));
    }
}
