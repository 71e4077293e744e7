//! Query parameters of a list, parsed and validated.
//!
//! The filters of a list: what the reader asked for, as typed, as understood, and what was wrong with it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventId;
use crate::domain::ids::CredentialId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::ast::Query as Search;
use crate::domain::query::columns::Fields;
use crate::domain::rejection::Reason;
use crate::domain::rejection_group::RejectionFilter;
use crate::domain::time::full_in;
use crate::web::chart::Span;
use crate::web::filters::filter_choices::{
    CUSTOM, Chip, Choice, describe, describe_search, list_credentials, list_ranges, list_reasons,
};
use crate::web::filters::filter_links::{Links, address};
use crate::web::filters::search_error::SearchError;
use crate::web::filters::time_range::{Range, typed_time};
use crate::web::format::span_text;

/// The longest text that is searched for among rejections, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// How many chosen columns a list shows; a CSV has more.
pub(crate) const LIST_COLUMNS: usize = 6;
/// How much of what was asked for an error repeats, in characters.
const MAX_REPEATED_CHARS: usize = 40;

/// The query of a list of events, as it came.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    pub(crate) q: String,
    pub(crate) credential: String,
    pub(crate) since: String,
    pub(crate) until: String,
    /// What the overview spans: `30d`, or nothing for 24 hours.
    pub(crate) overview: String,
    /// The beginning of a custom range, which the form sends beside `since=custom`.
    pub(crate) from: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) format: String,
    /// Fields and headers that become columns, of the list and of a CSV, where the address says any.
    pub(crate) fields: Option<String>,
    /// Why requests were refused, of a list of those.
    pub(crate) reason: String,
    /// `rejected`, where a live page shows refused requests alone.
    pub(crate) only: String,
    /// `address`, or nothing for a list.
    pub(crate) group: String,
    pub(crate) last_event_id: String,
    /// Anything, where the dialog of saved searches is open.
    pub(crate) saved: String,
    /// The event that is shown beside the list.
    pub(crate) peek: String,
}

impl Query {
    pub(crate) fn typed_fields(&self) -> &str {
        self.fields.as_deref().unwrap_or_default().trim()
    }

    /// Of the fields of a form, as far as they say which page of the list it stands on.
    pub(crate) fn of(fields: Vec<(String, String)>) -> Self {
        let mut query = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "q" => query.q = value,
                "credential" => query.credential = value,
                "since" => query.since = value,
                "until" => query.until = value,
                "before" => query.before = value,
                "after" => query.after = value,
                _ => {}
            }
        }
        query
    }
}

/// Of a live page that shows refused requests alone.
const ONLY_REJECTED: &str = "rejected";
/// What `group=` may say.
pub(crate) const GROUP_BY_ADDRESS: &str = "address";

/// A query, understood.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    /// When the text alone says an event was received.
    pub(crate) typed_time: Option<(Timestamp, Timestamp)>,
    pub(crate) filter: EventFilter,
    pub(crate) cursor: Cursor,
    /// What the reader typed, given back to the form.
    pub(crate) text: String,
    pub(crate) credentials: Vec<Choice>,
    pub(crate) ranges: Vec<Choice>,
    pub(crate) range: Range,
    pub(crate) overview: Span,
    /// The columns that the reader chose for the list, and what was typed.
    pub(crate) fields: Fields,
    pub(crate) typed_fields: String,
    /// Whether rejections are grouped by address, which the form keeps.
    pub(crate) by_address: bool,
    /// What could not be understood, in words; nothing is listed then.
    pub(crate) error: Option<String>,
    /// The same about the search, with the place.
    pub(crate) search_error: Option<SearchError>,
    pub(crate) reason: Option<Reason>,
    /// A live page shows refused requests alone.
    pub(crate) only_rejected: bool,
    /// The active filters in words.
    chips: Vec<Chip>,
    /// How many match, in words, where the page knows.
    pub(crate) matches: Option<String>,
    /// The same as names and values.
    pairs: Vec<(&'static str, String)>,
    /// As the reader asked, whatever is kept.
    asked_since: Option<Timestamp>,
    pub(crate) links: Links,
}

impl Filters {
    /// Understands a query for events; `credentials` are the reader's own. Times without a zone are in UTC.
    pub(crate) fn new(query: &Query, credentials: &[Credential], now: Timestamp) -> Self {
        Self::in_zone(query, credentials, now, &TimeZone::UTC)
    }

    /// The same for the form, whose times are in the reader's own zone. The links that it makes are in UTC.
    pub(crate) fn in_zone(query: &Query, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let typed = query.q.trim();
        let mut filters = Self::without_search(query, typed, credentials, now, zone);
        match Search::parse(typed) {
            Ok(search) => {
                filters.chips.splice(0..0, search.iter().flat_map(Chip::of_search));
                filters.filter.query = search;
            }
            Err(error) => {
                filters.search_error = Some(SearchError::new(typed, &error));
                filters.error = Some(format!("{error}."));
            }
        }
        match query.typed_fields().parse::<Fields>() {
            Ok(fields) => filters.fields = fields.first(LIST_COLUMNS),
            Err(error) => filters.error = Some(format!("The columns: {}.", escape_invisible(&error.to_string()))),
        }
        filters
    }

    /// Understands a query for rejections, whose text is looked for in what their columns show.
    pub(crate) fn of_rejections(query: &Query, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let text: String = query.q.trim().chars().take(MAX_TEXT_CHARS).collect();
        let mut filters = Self::without_search(query, &text, credentials, now, zone);
        if !text.is_empty() {
            let label = format!("contains “{}”", escape_invisible(&text));
            filters.chips.insert(0, Chip::new(label, "q"));
        }
        filters.reason = query.reason.parse().ok();
        filters.chips.extend(filters.reason.map(|reason| Chip::new(reason.title().to_owned(), "reason")));
        if filters.reason.is_none() && !query.reason.is_empty() {
            filters.error = Some("There is no such reason. Choose one from the list.".to_owned());
        }
        filters
    }

    fn without_search(query: &Query, text: &str, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let range = Range::read(&query.since, &query.until, &query.from, now, zone);
        let asked: String = query.credential.chars().take(MAX_REPEATED_CHARS).collect();
        // Programs know a credential by its id, people by its username; links say the username.
        let id = query.credential.parse::<CredentialId>().ok();
        let chosen = credentials.iter().find(|c| c.username == query.credential || Some(c.id) == id);
        let is_unknown = !query.credential.is_empty() && chosen.is_none();
        let unknown =
            is_unknown.then(|| format!("You have no credential with the username or ID {}.", escape_invisible(&asked)));
        let credential = chosen.map_or(query.credential.as_str(), |credential| &credential.username);
        let filter = EventFilter {
            credential: chosen.map(|credential| credential.id),
            since: range.since.time,
            until: range.until.time,
            ..EventFilter::default()
        };
        let cursor = match (query.before.parse::<EventId>(), query.after.parse::<EventId>()) {
            (Ok(before), _) => Cursor::Before(before),
            (_, Ok(after)) => Cursor::After(after),
            _ => Cursor::Newest,
        };
        let overview = Span::parse(&query.overview);
        let asked = [
            ("q", text),
            ("credential", credential),
            ("since", range.since.input.as_str()),
            ("until", range.until.input.as_str()),
            ("overview", overview.as_str()),
            ("fields", query.typed_fields()),
            ("reason", &query.reason),
            ("group", if query.group == GROUP_BY_ADDRESS { GROUP_BY_ADDRESS } else { "" }),
            ("only", &query.only),
        ];
        Self {
            typed_time: typed_time(text, now, zone),
            cursor,
            asked_since: range.since.time,
            overview,
            fields: Fields::default(),
            typed_fields: query.typed_fields().to_owned(),
            by_address: query.group == GROUP_BY_ADDRESS,
            search_error: None,
            reason: None,
            only_rejected: query.only == ONLY_REJECTED,
            credentials: list_credentials(credentials, credential),
            ranges: list_ranges(&query.since, !range.is_custom),
            chips: describe(&filter, chosen, &query.since, !range.is_custom, zone),
            matches: None,
            pairs: asked[..4].iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            links: Links::new(&asked),
            text: text.to_owned(),
            error: range.error.clone().or(unknown),
            range,
            filter,
        }
    }

    /// The address to answer with instead, where the form said times in the reader's own zone: the address in the browser is what
    /// people send to each other.
    pub(crate) fn exact_address(&self, path: &str) -> Option<String> {
        self.range.is_local().then(|| self.links.to(path))
    }

    /// The same for an account whose events are kept since a moment: no filter of its reader's, and none that a link carries.
    pub(crate) fn keeping(mut self, since: Option<Timestamp>) -> Self {
        self.filter.since = self.filter.since.max(since);
        self
    }

    /// The active filters in words, each by itself, and the addresses of the list without them.
    pub(crate) fn chips(&self, path: &str) -> Vec<(&str, String)> {
        let without = |chip: &Chip| self.links.changed(path, &[chip.name], &chip.rest);
        self.chips.iter().map(|chip| (chip.label.as_str(), without(chip))).collect()
    }

    /// The active filters in words.
    pub(crate) fn description(&self) -> String {
        let search = self.filter.query.as_ref().map(describe_search);
        let is_searched = search.is_some();
        let others = self.chips.iter().filter(|chip| !is_searched || chip.name != "q").map(|chip| chip.label.clone());
        search.into_iter().chain(others).collect::<Vec<_>>().join(", ")
    }

    /// The filters as a saved search has them.
    pub(crate) fn saved_as(&self) -> String {
        self.links.kept(|name| self.pairs.iter().any(|(kept, _)| *kept == name))
    }

    /// The range that the reader asked for, whatever is kept.
    pub(crate) fn asked_range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.asked_since, self.filter.until)
    }

    /// The range of a chart: without one, that of the overview.
    pub(crate) fn drawn_range(&self, now: Timestamp, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
        match self.asked_range() {
            (None, None) => (Some(self.overview.start(now, zone)), None),
            range => range,
        }
    }

    /// The range in words, such as `Last 24 hours`; without one, that of the overview.
    pub(crate) fn range_title(&self, now: Timestamp, zone: &TimeZone) -> String {
        let chosen = self.ranges.iter().find(|choice| choice.selected && choice.value != CUSTOM);
        match (self.asked_range(), chosen) {
            ((None, None), _) => if self.overview.is_month() { "Last 30 days" } else { "Last 24 hours" }.to_owned(),
            (_, Some(choice)) => choice.label.clone(),
            ((Some(since), Some(until)), None) => span_text(since, until, now, zone),
            ((Some(since), None), None) => format!("Since {}", full_in(since, zone)),
            ((None, Some(until)), None) => format!("30 days before {}", full_in(until, zone)),
        }
    }

    /// The filters as fields of a form, without the empty ones.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.pairs.iter().filter(|(_, value)| !value.is_empty())
    }

    /// What says which page of the list this is, as a field of a form.
    pub(crate) fn cursor_field(&self) -> Option<(&'static str, String)> {
        match self.cursor {
            Cursor::Newest => None,
            Cursor::Before(id) => Some(("before", id.to_string())),
            Cursor::After(id) => Some(("after", id.to_string())),
        }
    }

    /// The address of this page of a list.
    pub(crate) fn here(&self, path: &str) -> String {
        match self.cursor_field() {
            Some((name, id)) => self.links.with(path, name, &id),
            None => self.links.to(path),
        }
    }

    /// Where a list of refused requests hears that there are more. Which of them it shows is its own question, so that lists share a feed.
    pub(crate) fn live_rejected(&self) -> String {
        address("/events/live", &[("credential", self.username()), ("only", ONLY_REJECTED)])
    }

    /// The address of an export of all columns, in a format.
    pub(crate) fn export_link(&self, format: &str) -> String {
        address(
            "/events/export",
            &[self.pairs().map(|(name, value)| (*name, value.as_str())).collect(), vec![("format", format)]].concat(),
        )
    }

    /// The username of the chosen credential, or nothing.
    pub(crate) fn username(&self) -> &str {
        self.credentials.iter().find(|choice| choice.selected).map(|choice| choice.value.as_str()).unwrap_or_default()
    }

    /// The list where repeats of one cause are put together.
    pub(crate) fn by_cause(&self, path: &str) -> String {
        self.links.changed(path, &["q", "group"], &self.text)
    }

    /// Which refused requests are asked for.
    pub(crate) fn of_refused(&self) -> RejectionFilter<'_> {
        let text = Some(self.text.as_str()).filter(|text| !text.is_empty());
        RejectionFilter { events: &self.filter, text, reason: self.reason }
    }

    /// The reasons to choose from.
    pub(crate) fn reasons(&self) -> Vec<Choice> {
        list_reasons(self.reason)
    }

    /// What the text is looked for in, on a page.
    pub(crate) fn searched(&self, path: &str) -> &'static str {
        if path == "/events" { "payloads" } else { "reasons, credentials and senders" }
    }

    pub(crate) fn is_active(&self) -> bool {
        let is_ranged = self.asked_since.is_some() || self.filter.until.is_some();
        is_ranged || self.filter.needs_scan() || self.reason.is_some() || !self.text.is_empty()
    }

    pub(crate) fn is_first_page(&self) -> bool {
        self.cursor == Cursor::Newest
    }
}

#[cfg(test)]
mod tests {
    use super::{Filters, Query};

    fn filters(query: Query) -> Filters {
        Filters::new(&query, &[], "2026-11-23T08:41:12Z".parse().unwrap())
    }

    #[test]
    fn filters_are_said_in_words_and_kept_in_links() {
        let asked = filters(Query { q: "a b&c é".to_owned(), since: "7d".to_owned(), ..Query::default() });
        assert_eq!(asked.links.to("/events"), "/events?q=a%20b%26c%20%C3%A9&since=7d");
        assert_eq!(asked.description(), "contains “a b&c é”, last 7 days");
    }

    #[test]
    fn each_filter_can_be_taken_away_by_itself() {
        let q = "type = paid and (a or b) total > 1".to_owned();
        let asked = filters(Query { q, since: "7d".to_owned(), ..Query::default() });
        let chips = asked.chips("/events");
        let [paid, either, total, range] = &chips[..] else { panic!("{chips:?}") };
        assert_eq!(paid.1, "/events?q=%28%22a%22%20or%20%22b%22%29%20total%20%3E%201&since=7d");
        assert_eq!(
            either,
            &("\"a\" or \"b\"", "/events?q=type%20%3D%20%22paid%22%20total%20%3E%201&since=7d".to_owned())
        );
        assert_eq!((total.0, range.0), ("total > 1", "last 7 days"));
        assert!(range.1.starts_with("/events?q=type") && !range.1.contains("since"), "{}", range.1);
        assert_eq!(asked.saved_as(), asked.links.to("").trim_start_matches('?'));
        let alone = filters(Query { q: "a = 1".to_owned(), ..Query::default() });
        assert_eq!(alone.chips("/events"), [("a = 1", "/events".to_owned())]);
    }

    #[test]
    fn what_cannot_be_understood_is_said_and_kept() {
        let asked = filters(Query { since: "yesterday".to_owned(), ..Query::default() });
        assert!(asked.error.unwrap().contains("yesterday"));
        let asked = filters(Query { credential: "rw_7f3kq2m9".to_owned(), ..Query::default() });
        assert!(asked.error.unwrap().contains("rw_7f3kq2m9"));
    }

    #[test]
    fn a_range_of_the_form_has_an_address_of_its_own() {
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let now = "2026-11-23T08:41:12Z".parse().unwrap();
        let query = Query {
            q: "event = 1".to_owned(),
            since: "custom".to_owned(),
            from: "2026-11-20T10:30".to_owned(),
            until: "2026-11-21T00:00".to_owned(),
            group: "address".to_owned(),
            ..Query::default()
        };
        let form = Filters::in_zone(&query, &[], now, &zone);
        let range = "since=2026-11-20T15:30:00.000Z&until=2026-11-21T05:00:00.000Z";
        assert_eq!(form.exact_address("/x").unwrap(), format!("/x?q=event%20%3D%201&{range}&group=address"));
        assert_eq!(form.chips("/x")[1].0, "since 20 Nov 2026, 10:30:00 UTC−5");
        let input = |name: &str| form.pairs().find(|(input, _)| *input == name).unwrap().1.clone();
        assert_eq!([input("since"), input("until")], ["2026-11-20T15:30:00.000Z", "2026-11-21T05:00:00.000Z"]);
        let address = Query { since: input("since"), until: input("until"), ..Query::default() };
        assert_eq!(Filters::in_zone(&address, &[], now, &zone).exact_address("/x"), None, "and leads nowhere else");
    }

    #[test]
    fn any_age_is_a_range() {
        let asked = filters(Query { since: "90m".to_owned(), ..Query::default() });
        let chosen: Vec<&str> = asked.ranges.iter().filter(|c| c.selected).map(|c| c.label.as_str()).collect();
        assert_eq!((chosen, asked.range.is_custom), (vec!["Last 90 minutes"], false));
        assert_eq!(asked.description(), "last 90 minutes");
    }

    #[test]
    fn a_wrong_search_is_shown_with_a_mark_at_its_column() {
        let asked = filters(Query { q: "  event == new_data".to_owned(), ..Query::default() });
        let error = asked.search_error.unwrap();
        assert_eq!((error.typed.as_str(), error.mark.as_str()), ("event == new_data", "      ^"));
        assert_eq!((error.column, error.as_text.as_deref()), (7, Some(r#""event == new_data""#)));
        assert!(asked.error.unwrap().contains("column 7"));
        let long = filters(Query { q: "a=b ".repeat(400), ..Query::default() });
        assert_eq!(long.search_error.unwrap().as_text, None, "it would lead to the next error");
    }
}
