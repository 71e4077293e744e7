//! The filter bar and the addresses it makes: what the reader asked for, as typed, as understood, and what was wrong with it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::domain::credential::Credential;
use crate::domain::event::EventId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::columns::Fields;
use crate::domain::query::error::QueryError;
use crate::domain::query::strings::quoted;
use crate::domain::query::terms::Query as Search;
use crate::domain::time::{age_in_words, in_zone, parse_bound_in, rfc3339};
use crate::domain::visible::visible;
use crate::web::events::chart::Span;

/// The longest text that is searched for among rejections, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// How much of what was asked for an error repeats, in characters.
const MAX_REPEATED_CHARS: usize = 40;
/// What may stand in a query as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b':');

/// The query of a list of events, as it came.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    pub q: String,
    pub credential: String,
    pub since: String,
    pub until: String,
    /// What the overview spans: `30d`, or nothing for 24 hours.
    pub overview: String,
    /// The beginning of a custom range, which the form sends beside `since=custom`.
    pub from: String,
    pub before: String,
    pub after: String,
    pub format: String,
    /// Fields that become columns of a CSV.
    pub fields: String,
    /// `address`, or nothing for a list.
    pub group: String,
    pub last_event_id: String,
}

/// A choice in a list.
#[derive(Clone, Debug)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

/// What is wrong with a search, for the place under its field.
#[derive(Clone, Debug)]
pub struct SearchError {
    pub problem: String,
    pub column: usize,
    /// The search, and under it a mark at the column.
    pub typed: String,
    pub mark: String,
    /// The same characters as a text to look for.
    pub as_text: String,
}

/// How much of the search stands before and after the mark, in characters.
const SHOWN_AROUND: usize = 60;

impl SearchError {
    fn new(typed: &str, error: &QueryError) -> Self {
        let at = error.column - 1;
        let start = at.saturating_sub(SHOWN_AROUND);
        let part = |from: usize, to: usize| -> String { typed.chars().skip(from).take(to - from).collect() };
        let before = visible(&part(start, at)).into_owned();
        Self {
            problem: visible(&error.problem).into_owned(),
            column: error.column,
            mark: format!("{}^", " ".repeat(before.chars().count())),
            typed: format!("{before}{}", visible(&part(at, at + SHOWN_AROUND))),
            as_text: quoted(typed),
        }
    }
}

/// The ranges that have a name.
const RANGES: [(&str, &str); 5] =
    [("", "Any time"), ("1h", "Last hour"), ("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days")];
const CUSTOM: &str = "custom";
/// What `group=` may say.
pub const GROUP_BY_ADDRESS: &str = "address";

/// A query, understood.
#[derive(Clone, Debug)]
pub struct Filters {
    pub filter: EventFilter,
    pub cursor: Cursor,
    /// What the reader typed, given back to the form.
    pub text: String,
    pub credentials: Vec<Choice>,
    pub ranges: Vec<Choice>,
    pub is_custom_range: bool,
    pub overview: Span,
    /// The bounds of a custom range as `datetime-local` wants them, in the reader's time zone, and the name of that.
    pub from_field: String,
    pub until_field: String,
    pub zone: String,
    /// Whether rejections are grouped by address, which the form keeps.
    pub by_address: bool,
    /// What could not be understood, in words; nothing is listed then.
    pub error: Option<String>,
    /// The same about the search, with the place.
    pub search_error: Option<SearchError>,
    /// The active filters in words, for the message that nothing matches.
    pub description: Vec<String>,
    /// The same as names and values.
    pairs: Vec<(&'static str, String)>,
    /// As the reader asked, whatever is kept.
    asked_since: Option<Timestamp>,
    /// `q=…&credential=…`, without a cursor, for links.
    query: String,
}

impl Filters {
    /// Understands a query for events; `credentials` are the reader's own. Times without a zone are in UTC.
    pub fn new(query: &Query, credentials: &[Credential], now: Timestamp) -> Self {
        Self::in_zone(query, credentials, now, &TimeZone::UTC)
    }

    /// The same for the form, whose times are in the reader's own zone. The links that it makes are in UTC.
    pub fn in_zone(query: &Query, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let typed = query.q.trim();
        let mut filters = Self::without_search(query, typed, credentials, now, zone);
        match Search::parse(typed) {
            Ok(search) => {
                filters.description.splice(0..0, search.as_ref().map(describe_search));
                filters.filter.query = search;
            }
            Err(error) => {
                filters.search_error = Some(SearchError::new(typed, &error));
                filters.error = Some(format!("{error}."));
            }
        }
        if let Err(error) = query.fields.parse::<Fields>() {
            filters.error = Some(format!("The columns: {error}."));
        }
        filters
    }

    /// Understands a query for rejections, whose text is looked for in reasons and addresses.
    pub fn of_rejections(query: &Query, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let text: String = query.q.trim().chars().take(MAX_TEXT_CHARS).collect();
        Self::without_search(query, &text, credentials, now, zone)
    }

    fn without_search(query: &Query, text: &str, credentials: &[Credential], now: Timestamp, zone: &TimeZone) -> Self {
        let mut error = None;
        let mut filter = EventFilter::default();
        let chosen = credentials.iter().find(|c| c.username == query.credential);
        if !query.credential.is_empty() && chosen.is_none() {
            let asked: String = query.credential.chars().take(MAX_REPEATED_CHARS).collect();
            error = Some(format!("You have no credential with the username {}.", visible(&asked)));
        }
        filter.credential = chosen.map(|credential| credential.id);

        // What the form's fields say is in the reader's zone; what an address says is the same for everybody who gets it.
        let is_form = query.since == CUSTOM;
        let since = if is_form { &query.from } else { &query.since };
        let read_in = if is_form { zone } else { &TimeZone::UTC };
        let mut bound = |text: &str| match parse_bound_in(text, now, read_in) {
            _ if text.is_empty() => None,
            Ok(time) => Some(time),
            Err(problem) => {
                error = Some(format!("{}.", visible(&problem.to_string())));
                None
            }
        };
        filter.since = bound(since);
        filter.until = bound(&query.until);
        let exactly = |said: &str, time: Option<Timestamp>| match time {
            Some(time) if is_form => rfc3339(time),
            _ => said.to_owned(),
        };
        let (since, until) = (&exactly(since, filter.since), &exactly(&query.until, filter.until));
        let cursor = match (query.before.parse::<EventId>(), query.after.parse::<EventId>()) {
            (Ok(before), _) => Cursor::Before(before),
            (_, Ok(after)) => Cursor::After(after),
            _ => Cursor::Newest,
        };
        let overview = Span::parse(&query.overview);
        let is_age = age_in_words(&query.since).is_some();
        let is_named = RANGES.iter().any(|(value, _)| *value == query.since);
        let known_range = (is_age || is_named) && query.until.is_empty();
        let field =
            |time: Option<Timestamp>| time.map(|time| in_zone("%Y-%m-%dT%H:%M", time, zone)).unwrap_or_default();
        Self {
            cursor,
            asked_since: filter.since,
            is_custom_range: !known_range,
            overview,
            by_address: query.group == GROUP_BY_ADDRESS,
            from_field: if known_range { String::new() } else { field(filter.since) },
            until_field: field(filter.until),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            search_error: None,
            credentials: credential_choices(credentials, &query.credential),
            ranges: range_choices(&query.since, known_range),
            description: describe(&filter, chosen, &query.since, known_range),
            pairs: vec![
                ("q", text.to_owned()),
                ("credential", query.credential.clone()),
                ("since", since.clone()),
                ("until", query.until.clone()),
            ],
            query: encode(&[
                ("q", text),
                ("credential", &query.credential),
                ("since", since),
                ("until", until),
                ("overview", overview.as_str()),
            ]),
            text: text.to_owned(),
            filter,
            error,
        }
    }

    /// The list with another search.
    pub fn link_to_search(&self, search: &str) -> String {
        let kept: Vec<&str> = self.query.split('&').filter(|pair| !pair.starts_with("q=")).collect();
        join("/events", &[&encode(&[("q", search)]), &kept.join("&")])
    }

    /// The same for an account whose events are kept since a moment: no filter of its reader's, and none that a link carries.
    pub fn keeping(mut self, since: Option<Timestamp>) -> Self {
        self.filter.since = self.filter.since.max(since);
        self
    }

    /// The filters as fields of a form, without the empty ones.
    pub fn pairs(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.pairs.iter().filter(|(_, value)| !value.is_empty())
    }

    /// An address with these filters.
    pub fn link(&self, path: &str) -> String {
        join(path, &[&self.query])
    }

    /// An address with these filters and one thing more, such as a cursor.
    pub fn link_with(&self, path: &str, name: &str, value: &str) -> String {
        join(path, &[&self.query, &encode(&[(name, value)])])
    }

    /// The same range and credential on the other list, where the text would mean something else.
    pub fn link_without_text(&self, path: &str) -> String {
        let kept: Vec<&str> = self.query.split('&').filter(|pair| !pair.starts_with("q=")).collect();
        join(path, &[&kept.join("&")])
    }

    /// The same list below another overview.
    pub fn link_to_overview(&self, path: &str, overview: &str) -> String {
        let kept: Vec<&str> = self.query.split('&').filter(|pair| !pair.starts_with("overview=")).collect();
        join(path, &[&kept.join("&"), &encode(&[("overview", overview)])])
    }

    /// A list of what is in one bar of the overview, for the same credential.
    pub fn link_to_span(&self, path: &str, since: &str, until: &str) -> String {
        let kept = |pair: &&str| pair.starts_with("credential=") || pair.starts_with("overview=");
        let kept: Vec<&str> = self.query.split('&').filter(kept).collect();
        join(path, &[&kept.join("&"), &encode(&[("since", since), ("until", until)])])
    }

    /// The username of the chosen credential, or nothing.
    pub fn username(&self) -> &str {
        self.credentials.iter().find(|choice| choice.selected).map(|choice| choice.value.as_str()).unwrap_or_default()
    }

    /// The list of what was rejected from one address for one credential, in the same range.
    pub fn link_to_address(&self, ip: &str, username: &str) -> String {
        let kept = |pair: &&str| pair.starts_with("since=") || pair.starts_with("until=");
        let kept: Vec<&str> = self.query.split('&').filter(kept).collect();
        join("/events/rejections", &[&encode(&[("q", ip), ("credential", username)]), &kept.join("&")])
    }

    /// What the text is looked for in, on a page.
    pub fn searched(&self, path: &str) -> &'static str {
        if path == "/events" { "payloads" } else { "reasons and addresses" }
    }

    pub fn is_active(&self) -> bool {
        let is_ranged = self.asked_since.is_some() || self.filter.until.is_some();
        is_ranged || self.filter.has_to_look() || !self.text.is_empty()
    }

    pub fn is_first_page(&self) -> bool {
        self.cursor == Cursor::Newest
    }
}

fn credential_choices(credentials: &[Credential], chosen: &str) -> Vec<Choice> {
    let all = Choice { value: String::new(), label: "All credentials".to_owned(), selected: chosen.is_empty() };
    let each = credentials.iter().map(|credential| Choice {
        value: credential.username.clone(),
        label: visible(&credential.name).into_owned(),
        selected: credential.username == chosen,
    });
    std::iter::once(all).chain(each).collect()
}

fn range_choices(since: &str, known: bool) -> Vec<Choice> {
    let named = RANGES.iter().map(|(value, label)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        selected: known && *value == since,
    });
    let own = age_in_words(since).filter(|_| known && !RANGES.iter().any(|(value, _)| *value == since));
    let own = own.map(|words| Choice { value: since.to_owned(), label: format!("Last {words}"), selected: true });
    let custom = Choice { value: CUSTOM.to_owned(), label: "Custom range…".to_owned(), selected: !known };
    named.chain(own).chain(std::iter::once(custom)).collect()
}

fn describe_search(search: &Search) -> String {
    match search.only_text() {
        Some(text) => format!("contains “{}”", visible(text)),
        None => visible(&search.to_string()).into_owned(),
    }
}

fn describe(filter: &EventFilter, credential: Option<&Credential>, since: &str, known: bool) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(credential) = credential {
        words.push(format!("from {}", visible(&credential.name)));
    }
    let named =
        RANGES.iter().find(|(value, _)| !since.is_empty() && *value == since).map(|(_, label)| label.to_lowercase());
    match named.or_else(|| age_in_words(since).map(|age| format!("last {age}"))).filter(|_| known) {
        Some(label) => words.push(label),
        None => {
            if let Some(time) = filter.since {
                words.push(format!("since {}", crate::domain::time::full(time)));
            }
            if let Some(time) = filter.until {
                words.push(format!("before {}", crate::domain::time::full(time)));
            }
        }
    }
    words
}

/// An address with the parameters that are not empty.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    join(path, &[&encode(pairs)])
}

/// `a=1&b=2`, without the empty ones.
fn encode(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
    pairs.join("&")
}

fn join(path: &str, queries: &[&str]) -> String {
    let queries: Vec<&str> = queries.iter().copied().filter(|query| !query.is_empty()).collect();
    if queries.is_empty() { path.to_owned() } else { format!("{path}?{}", queries.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::{Filters, Query};

    fn filters(query: Query) -> Filters {
        Filters::new(&query, &[], "2026-11-23T08:41:12Z".parse().unwrap())
    }

    #[test]
    fn links_carry_every_filter_and_nothing_empty() {
        let asked = filters(Query { q: "a b&c é".to_owned(), since: "7d".to_owned(), ..Query::default() });
        assert_eq!(asked.link_with("/events", "before", "x"), "/events?q=a%20b%26c%20%C3%A9&since=7d&before=x");
        assert_eq!(filters(Query::default()).link("/events"), "/events");
        assert_eq!(asked.description, ["contains “a b&c é”", "last 7 days"]);
    }

    #[test]
    fn what_cannot_be_understood_is_said_and_kept() {
        let asked = filters(Query { since: "yesterday".to_owned(), ..Query::default() });
        assert!(asked.error.unwrap().contains("yesterday"));
        let asked = filters(Query { credential: "rw_7f3kq2m9".to_owned(), ..Query::default() });
        assert!(asked.error.unwrap().contains("rw_7f3kq2m9"));
    }

    #[test]
    fn a_custom_range_comes_from_the_form_or_the_address() {
        let form = filters(Query {
            since: "custom".to_owned(),
            from: "2026-11-20T10:30".to_owned(),
            until: "2026-11-21".to_owned(),
            ..Query::default()
        });
        assert!(form.is_custom_range);
        assert_eq!((form.from_field.as_str(), form.until_field.as_str()), ("2026-11-20T10:30", "2026-11-21T00:00"));
        let link = "/events?since=2026-11-20T10:30:00.000Z&until=2026-11-21T00:00:00.000Z";
        assert_eq!(form.link("/events"), link, "the same for everybody who gets it");
    }

    #[test]
    fn the_form_is_read_in_the_reader_s_zone_and_links_are_not() {
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let now = "2026-11-23T08:41:12Z".parse().unwrap();
        let query = Query { since: "custom".to_owned(), from: "2026-11-20T10:30".to_owned(), ..Query::default() };
        let form = Filters::in_zone(&query, &[], now, &zone);
        assert_eq!((form.from_field.as_str(), form.zone.as_str()), ("2026-11-20T10:30", "America/New_York"));
        assert_eq!(form.link("/events"), "/events?since=2026-11-20T15:30:00.000Z");
        let address = Query { since: "2026-11-20T15:30:00.000Z".to_owned(), ..Query::default() };
        assert_eq!(Filters::in_zone(&address, &[], now, &zone).from_field, "2026-11-20T10:30");
        let address = Query { since: "2026-11-20T15:30".to_owned(), ..Query::default() };
        assert_eq!(Filters::in_zone(&address, &[], now, &zone).from_field, "2026-11-20T10:30", "UTC, as documented");
    }

    #[test]
    fn any_age_is_a_range() {
        let asked = filters(Query { since: "90m".to_owned(), ..Query::default() });
        let chosen: Vec<&str> = asked.ranges.iter().filter(|c| c.selected).map(|c| c.label.as_str()).collect();
        assert_eq!((chosen, asked.is_custom_range), (vec!["Last 90 minutes"], false));
        assert_eq!(asked.description, ["last 90 minutes"]);
    }

    #[test]
    fn a_wrong_search_is_shown_with_a_mark_at_its_column() {
        let asked = filters(Query { q: "  event = new_data".to_owned(), ..Query::default() });
        let error = asked.search_error.unwrap();
        assert_eq!((error.typed.as_str(), error.mark.as_str()), ("event = new_data", "        ^"));
        assert_eq!((error.column, error.as_text.as_str()), (9, r#""event = new_data""#));
        assert!(asked.error.unwrap().contains("column 9"));
    }
}
