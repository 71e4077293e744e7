//! The filter bar and the addresses it makes: what the reader asked for, as typed, as understood, and what was wrong with it.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::domain::credential::Credential;
use crate::domain::event::EventId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::terms::Query as Search;
use crate::domain::time::{parse_bound, utc};
use crate::domain::visible::visible;
use crate::web::chart::Span;

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
    /// The bounds of a custom range as `datetime-local` wants them.
    pub from_field: String,
    pub until_field: String,
    /// Whether rejections are grouped by address, which the form keeps.
    pub by_address: bool,
    /// What could not be understood, in words; nothing is listed then.
    pub error: Option<String>,
    /// The active filters in words, for the message that nothing matches.
    pub description: Vec<String>,
    /// `q=…&credential=…`, without a cursor, for links.
    query: String,
}

impl Filters {
    /// Understands a query for events; `credentials` are the reader's own.
    pub fn new(query: &Query, credentials: &[Credential], now: Timestamp) -> Self {
        let searched = Search::parse(&query.q);
        let mut filters = Self::without_search(query, &query.q, credentials, now);
        match searched {
            Ok(search) => {
                filters.description.splice(0..0, search.as_ref().map(describe_search));
                filters.filter.query = search;
            }
            Err(error) => filters.error = Some(format!("{error}.")),
        }
        filters
    }

    /// Understands a query for rejections, whose text is looked for in reasons and addresses.
    pub fn of_rejections(query: &Query, credentials: &[Credential], now: Timestamp) -> Self {
        let text: String = query.q.trim().chars().take(MAX_TEXT_CHARS).collect();
        Self::without_search(query, &text, credentials, now)
    }

    fn without_search(query: &Query, text: &str, credentials: &[Credential], now: Timestamp) -> Self {
        let mut error = None;
        let mut filter = EventFilter::default();

        let chosen = credentials.iter().find(|c| c.username == query.credential);
        if !query.credential.is_empty() && chosen.is_none() {
            let asked: String = query.credential.chars().take(MAX_REPEATED_CHARS).collect();
            error = Some(format!("You have no credential with the username {}.", visible(&asked)));
        }
        filter.credential = chosen.map(|credential| credential.id);

        let since = if query.since == CUSTOM { &query.from } else { &query.since };
        let mut bound = |text: &str| match parse_bound(text, now) {
            _ if text.is_empty() => None,
            Ok(time) => Some(time),
            Err(problem) => {
                error = Some(format!("{}.", visible(&problem.to_string())));
                None
            }
        };
        filter.since = bound(since);
        filter.until = bound(&query.until);
        let cursor = match (query.before.parse::<EventId>(), query.after.parse::<EventId>()) {
            (Ok(before), _) => Cursor::Before(before),
            (_, Ok(after)) => Cursor::After(after),
            _ => Cursor::Newest,
        };
        let overview = Span::parse(&query.overview);
        let known_range = RANGES.iter().any(|(value, _)| *value == query.since) && query.until.is_empty();
        let field = |time: Option<Timestamp>| time.map(|time| utc("%Y-%m-%dT%H:%M", time)).unwrap_or_default();
        Self {
            cursor,
            is_custom_range: !known_range,
            overview,
            by_address: query.group == GROUP_BY_ADDRESS,
            from_field: if known_range { String::new() } else { field(filter.since) },
            until_field: field(filter.until),
            credentials: credential_choices(credentials, &query.credential),
            ranges: range_choices(&query.since, known_range),
            description: describe(&filter, chosen, &query.since, known_range),
            query: encode(&[
                ("q", text),
                ("credential", &query.credential),
                ("since", since),
                ("until", &query.until),
                ("overview", overview.as_str()),
            ]),
            text: text.to_owned(),
            filter,
            error,
        }
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
        !self.filter.is_empty() || !self.text.is_empty()
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
    let custom = Choice { value: CUSTOM.to_owned(), label: "Custom range…".to_owned(), selected: !known };
    named.chain(std::iter::once(custom)).collect()
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
    match RANGES.iter().find(|(value, _)| known && !since.is_empty() && *value == since) {
        Some((_, label)) => words.push(label.to_lowercase()),
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
        let asked = filters(Query { q: "a b&c=é".to_owned(), since: "7d".to_owned(), ..Query::default() });
        assert_eq!(asked.link_with("/events", "before", "x"), "/events?q=a%20b%26c%3D%C3%A9&since=7d&before=x");
        assert_eq!(filters(Query::default()).link("/events"), "/events");
        assert_eq!(asked.description, ["contains “a b&c=é”", "last 7 days"]);
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
        assert_eq!(form.link("/events"), "/events?since=2026-11-20T10:30&until=2026-11-21");
    }
}
