//! What the filter bar offers to choose from, and what was chosen, in words.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::listing::EventFilter;
use crate::domain::query::ast::Query as Search;
use crate::domain::rejection::Reason;
use crate::domain::time::{age_in_words, full_in};

/// A choice in a list.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

/// The ranges that have a name.
const RANGES: [(&str, &str); 5] =
    [("", "Any time"), ("1h", "Last hour"), ("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days")];
/// What a form says of a range that has no name.
pub(crate) const CUSTOM: &str = "custom";

/// Whether `since` is a range that has a name.
pub(crate) fn is_named_range(since: &str) -> bool {
    RANGES.iter().any(|(value, _)| *value == since)
}

/// The credentials, by their names, and all of them. Where several have one name, as revoked ones may, the username stands beside it.
pub(crate) fn list_credentials(credentials: &[Credential], chosen: &str) -> Vec<Choice> {
    let all = Choice { value: String::new(), label: "All credentials".to_owned(), selected: chosen.is_empty() };
    let mut times = HashMap::new();
    credentials.iter().for_each(|credential| *times.entry(&credential.name).or_insert(0) += 1);
    let each = credentials.iter().map(|credential| Choice {
        value: credential.username.clone(),
        label: match times.get(&credential.name) {
            Some(1) => escape_invisible(&credential.name).into_owned(),
            _ => format!("{} ({})", escape_invisible(&credential.name), credential.username),
        },
        selected: credential.username == chosen,
    });
    std::iter::once(all).chain(each).collect()
}

/// Why requests are refused, and all of it.
pub(crate) fn list_reasons(chosen: Option<Reason>) -> Vec<Choice> {
    let all = Choice { value: String::new(), label: "All reasons".to_owned(), selected: chosen.is_none() };
    let each = Reason::ALL.iter().map(|reason| Choice {
        value: reason.as_str().to_owned(),
        label: reason.title().to_owned(),
        selected: chosen == Some(*reason),
    });
    std::iter::once(all).chain(each).collect()
}

/// The ranges; `known` tells those that are chosen by a name or an age from those between two times.
pub(crate) fn list_ranges(since: &str, known: bool) -> Vec<Choice> {
    let named = RANGES.iter().map(|(value, label)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        selected: known && *value == since,
    });
    let own = age_in_words(since).filter(|_| known && !is_named_range(since));
    let own = own.map(|words| Choice { value: since.to_owned(), label: format!("Last {words}"), selected: true });
    let custom = Choice { value: CUSTOM.to_owned(), label: "Custom range…".to_owned(), selected: !known };
    named.chain(own).chain(std::iter::once(custom)).collect()
}

/// A search in words.
pub(crate) fn describe_search(search: &Search) -> String {
    match search.only_text() {
        Some(text) => format!("contains “{}”", escape_invisible(text)),
        None => escape_invisible(&search.to_string()).into_owned(),
    }
}

/// An active filter, in words.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub(crate) label: String,
    /// The parameter that it is, or is a part of.
    pub(crate) name: &'static str,
    /// The search without it.
    pub(crate) rest: String,
}

impl Chip {
    pub(crate) fn new(label: String, name: &'static str) -> Self {
        Self { label, name, rest: String::new() }
    }

    /// What has to hold of a search, each by itself.
    pub(crate) fn of_search(search: &Search) -> Vec<Self> {
        let chip = |(part, rest): (Search, Option<Search>)| Self {
            label: describe_search(&part),
            name: "q",
            rest: rest.map(|rest| rest.to_string()).unwrap_or_default(),
        };
        search.parts().into_iter().map(chip).collect()
    }
}

/// The other filters in words, each by itself.
pub(crate) fn describe(
    filter: &EventFilter,
    credential: Option<&Credential>,
    since: &str,
    known: bool,
    zone: &TimeZone,
) -> Vec<Chip> {
    let mut chips = Vec::new();
    if let Some(credential) = credential {
        chips.push(Chip::new(format!("from {}", escape_invisible(&credential.name)), "credential"));
    }
    let named =
        RANGES.iter().find(|(value, _)| !since.is_empty() && *value == since).map(|(_, label)| label.to_lowercase());
    match named.or_else(|| age_in_words(since).map(|age| format!("last {age}"))).filter(|_| known) {
        Some(label) => chips.push(Chip::new(label, "since")),
        None => {
            if let Some(time) = filter.since {
                chips.push(Chip::new(format!("since {}", full_in(time, zone)), "since"));
            }
            if let Some(time) = filter.until {
                chips.push(Chip::new(format!("before {}", full_in(time, zone)), "until"));
            }
        }
    }
    chips
}
