//! Autocompletion of a search: the names of fields, operators and values that go on from what was typed.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::query::ast::{HEADER, Piece, SourcePart, Value, header_of};
use crate::domain::query::fields::count_fields;
use crate::domain::query::json_path::{PathStep, Seen, Visitor, walk};
use crate::domain::query::operators::{is_name_char, is_operator_char};
use crate::domain::query::parse::{Parser, is_reserved};
use crate::domain::query::path_cursor::PathCursor;
use crate::domain::query::strings::{decoded, quoted};
use crate::domain::request_headers::KeptHeader;

/// How many offers there are at most.
const MAX_OFFERS: usize = 12;
/// The longest value that is offered, in characters.
const MAX_VALUE_CHARS: usize = 80;
/// How many values of one event count.
const MAX_VALUES_OF_EVENT: usize = 100;
/// How many words before the caret may belong to what is typed: `status not in (`.
const MAX_WORDS_BACK: usize = 60;
/// What may follow a field.
const OPERATORS: [&str; 8] = ["= ", "!= ", "contains ", "exists", "not exists", "> ", "< ", "in ("];

/// A recent event, from which offers are made.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) remote_ip: IpAddr,
    /// As they are stored.
    pub(crate) headers: String,
    /// The body, which may be cut.
    pub(crate) beginning: String,
}

/// What could stand instead of what is typed, from a character on, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) from: usize,
    pub(crate) offers: Vec<Offer>,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) text: String,
    /// How many of the samples have it, where that is known.
    pub(crate) count: Option<usize>,
}

/// What is typed at the end of a search.
enum Begun {
    Field,
    /// What follows a name that stands alone.
    Operator(String),
    Value(Asked),
}

/// Whose values are asked for.
enum Asked {
    Field(Vec<Piece>),
    Header(String),
    Source(SourcePart),
}

/// What could follow the beginning of a search. `credentials` are the names and usernames of the account's.
pub(crate) fn complete(before: &str, samples: &[Sample], credentials: &[String]) -> Completion {
    let chars: Vec<char> = before.chars().collect();
    let (from, begun) = begun(&chars);
    let typed: String = chars[from..].iter().collect();
    let offers = match begun {
        Begun::Value(asked) => ranked(values(&asked, samples, credentials), typed.trim_start_matches('"')),
        Begun::Operator(name) if names(samples).iter().any(|(known, _)| *known == name) => {
            OPERATORS.map(|operator| Offer { text: operator.to_owned(), count: None }).into()
        }
        Begun::Operator(name) if name.ends_with(is_operator_char) => Vec::new(),
        Begun::Operator(_) | Begun::Field => {
            let mut offers = ranked(names(samples), &typed);
            for offer in &mut offers {
                // A source has its colon already.
                let space = if offer.text.ends_with(':') { "" } else { " " };
                offer.text.push_str(space);
            }
            offers
        }
    };
    Completion { from, offers }
}

/// Those that begin with what was typed, then those that have it in them, each in their order.
fn ranked(found: Vec<(String, usize)>, typed: &str) -> Vec<Offer> {
    let typed = typed.to_lowercase();
    let plain = |text: &str| text.trim_matches('"').to_lowercase();
    let mut ranked: Vec<_> = found.into_iter().filter(|(text, _)| plain(text).contains(&typed)).collect();
    ranked.sort_by_key(|(text, _)| !plain(text).starts_with(&typed));
    let offer = |(text, count)| Offer { text, count: Some(count).filter(|count| *count > 0) };
    ranked.into_iter().map(offer).take(MAX_OFFERS).collect()
}

/// The most frequent first.
fn by_count(counts: HashMap<String, usize>) -> Vec<(String, usize)> {
    let mut counted: Vec<_> = counts.into_iter().collect();
    counted.sort_by(|(a, one), (b, other)| other.cmp(one).then_with(|| a.cmp(b)));
    counted
}

/// The names that a condition may begin with: fields, sources, headers.
fn names(samples: &[Sample]) -> Vec<(String, usize)> {
    let mut names = count_fields(samples.iter().map(|sample| sample.beginning.as_str()));
    let mut headers = HashMap::new();
    for sample in samples {
        for (name, _) in kept(sample) {
            *headers.entry(name).or_insert(0) += 1;
        }
    }
    names.extend(SourcePart::ALL.map(|part| (format!("{}:", part.as_str()), 0)));
    let plain = by_count(headers).into_iter().filter(|(name, _)| name.chars().all(is_name_char));
    names.extend(plain.map(|(name, count)| (format!("{HEADER}{name}"), count)));
    names
}

/// The values that are asked for, as a search writes them, and how many samples have each.
fn values(asked: &Asked, samples: &[Sample], credentials: &[String]) -> Vec<(String, usize)> {
    let text = |text: &str| quoted(text);
    if let Asked::Source(SourcePart::Credential) = asked {
        return credentials.iter().map(|name| (text(name), 0)).collect();
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for sample in samples {
        let found = match asked {
            Asked::Field(path) => values_at(path, &sample.beginning),
            Asked::Header(name) => kept(sample).into_iter().filter(|(n, _)| n == name).map(|(_, v)| text(&v)).collect(),
            Asked::Source(SourcePart::Ip) => vec![sample.remote_ip.to_string()],
            Asked::Source(_) => {
                kept(sample).into_iter().filter(|(name, _)| name == "user-agent").map(|(_, v)| text(&v)).collect()
            }
        };
        for value in found.into_iter().filter(|value| value.chars().count() <= MAX_VALUE_CHARS) {
            *counts.entry(value).or_default() += 1;
        }
    }
    by_count(counts)
}

fn kept(sample: &Sample) -> Vec<KeptHeader> {
    serde_json::from_str(&sample.headers).unwrap_or_default()
}

/// The strings, numbers and words at a path, each once.
fn values_at(path: &[Piece], body: &str) -> Vec<String> {
    let mut collector = Collector { path, at: PathCursor::new(), values: Vec::new() };
    walk(body, &mut collector);
    collector.values
}

struct Collector<'a> {
    path: &'a [Piece],
    at: PathCursor,
    values: Vec<String>,
}

impl Visitor for Collector<'_> {
    fn enter(&mut self, depth: usize, step: PathStep<'_>) {
        self.at.enter(self.path, depth, step);
    }

    fn see(&mut self, depth: usize, value: Seen<'_>) {
        if self.values.len() >= MAX_VALUES_OF_EVENT || !self.at.is_at_end(self.path, depth) {
            return;
        }
        let value = match value {
            Seen::Container => return,
            Seen::Word(word) => Some(word.to_owned()),
            Seen::Text(spelled) => {
                let text: Option<String> = decoded(spelled).take(MAX_VALUE_CHARS + 1).map(char::from_u32).collect();
                text.map(|text| Value::Text(text).to_string())
            }
        };
        self.values.extend(value.filter(|value| !self.values.contains(value)));
    }
}

/// What is typed at the end, and where it begins.
fn begun(chars: &[char]) -> (usize, Begun) {
    let starts = word_starts(chars);
    for &start in starts.iter().rev().take(MAX_WORDS_BACK) {
        if let Some((asked, at)) = asked_at(chars, start)
            && is_open_value(&chars[at..])
        {
            return (at, Begun::Value(asked));
        }
    }
    let last = starts.last().copied().unwrap_or_default();
    let word: String = chars[last..].iter().collect();
    if chars.last().is_some_and(|c| c.is_whitespace()) {
        return (chars.len(), Begun::Operator(word.trim_end().to_owned()));
    }
    (last, Begun::Field)
}

/// Where words begin, outside quotes.
fn word_starts(chars: &[char]) -> Vec<usize> {
    let (mut inside, mut escaped, mut before, mut starts) = (false, false, ' ', Vec::new());
    for (at, &c) in chars.iter().enumerate() {
        if !inside && !c.is_whitespace() && c != '(' && (before.is_whitespace() || before == '(') {
            starts.push(at);
        }
        if c == '"' && !escaped {
            inside = !inside;
        }
        escaped = inside && c == '\\' && !escaped;
        before = if inside { '"' } else { c };
    }
    starts
}

/// Whose values follow a word, and where the last of them begins.
fn asked_at(chars: &[char], start: usize) -> Option<(Asked, usize)> {
    let mut parser = Parser::new(chars);
    parser.at = start;
    for part in SourcePart::ALL {
        if parser.looks_at(&format!("{}:", part.as_str())) {
            return Some((Asked::Source(part), start + part.as_str().len() + 1));
        }
    }
    let path = parser.path().ok()?;
    if matches!(&path[..], [Piece::Key(word)] if is_reserved(word)) {
        return None;
    }
    let header = if parser.is_at(start, HEADER) { header_of(&path) } else { None };
    let asked = header.map_or(Asked::Field(path), Asked::Header);
    if parser.peek() == Some(':') {
        parser.at += 1;
        return Some((asked, parser.at));
    }
    parser.skip_space();
    if parser.operator().ok()?.is_none() && !parser.take_word("contains") {
        _ = parser.take_word("not");
        parser.skip_space();
        let is_list = parser.take_word("in");
        parser.skip_space();
        if !is_list || parser.peek() != Some('(') {
            return None;
        }
        let inside = &chars[parser.at + 1..];
        parser.at += 1 + inside.iter().rposition(|&c| c == ',').map_or(0, |comma| comma + 1);
    }
    parser.skip_space();
    Some((asked, parser.at))
}

/// Whether a value may go on after this.
fn is_open_value(typed: &[char]) -> bool {
    match typed {
        ['"', inside @ ..] => !inside.contains(&'"'),
        _ => !typed.iter().any(|c| c.is_whitespace() || matches!(c, '"' | ')')),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sample, complete};

    fn offers(before: &str) -> (usize, Vec<String>) {
        let bodies = [
            r#"{"type": "invoice.paid", "data": {"total": 12, "lines": [{"sku": "A-1"}, {"sku": "B\u00e9"}]}}"#,
            r#"{"type": "invoice.paid", "data": {"total": 7}}"#,
            r#"{"type": "order.created", "data": {"total": 7, "note": "12 \"fresh\""}}"#,
        ];
        let sample = |(at, body): (usize, &&str)| Sample {
            remote_ip: format!("203.0.113.{}", at % 2).parse().unwrap(),
            headers: r#"[["user-agent","curl/8.5"],["x-kind","a b"]]"#.to_owned(),
            beginning: (*body).to_owned(),
        };
        let samples: Vec<Sample> = bodies.iter().enumerate().map(sample).collect();
        let found = complete(before, &samples, &["Legacy CRM".to_owned(), "rw_7f3kq2m9".to_owned()]);
        (found.from, found.offers.into_iter().map(|offer| offer.text).collect())
    }

    #[test]
    fn fields_headers_and_sources_go_on_from_what_was_typed() {
        assert_eq!(offers("ty"), (0, vec!["type ".to_owned()]));
        assert_eq!(offers("type = \"x\" and sku"), (15, vec!["data.lines[].sku ".to_owned()]));
        assert_eq!(offers("(TO"), (1, vec!["data.total ".to_owned()]));
        assert_eq!(offers("header.x"), (0, vec!["header.x-kind ".to_owned()]));
        assert_eq!(offers("cred"), (0, vec!["credential:".to_owned()]));
        assert_eq!(offers("").1[..2], ["type ", "data.total "]);
    }

    #[test]
    fn operators_follow_a_field_that_stands_alone() {
        assert_eq!(offers("type ").1[..2], ["= ", "!= "]);
        assert_eq!(offers("type ").0, 5);
        assert!(!offers("unknown ").1.contains(&"= ".to_owned()));
    }

    #[test]
    fn values_are_those_of_the_condition_the_most_frequent_first() {
        let quoted = |texts: &[&str]| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>();
        assert_eq!(offers("type = "), (7, quoted(&["invoice.paid", "order.created"])));
        assert_eq!(offers("type="), (5, quoted(&["invoice.paid", "order.created"])));
        assert_eq!(offers("type:ord"), (5, quoted(&["order.created"])));
        assert_eq!(offers("x = 1 and type != \"CREA"), (18, quoted(&["order.created"])));
        assert_eq!(offers("data.total > "), (13, vec!["7".to_owned(), "12".to_owned()]));
        assert_eq!(offers("type not in (a b, \"inv"), (18, quoted(&["invoice.paid"])));
        assert_eq!(offers("data.lines.sku contains é"), (24, vec!["\"Bé\"".to_owned()]));
        assert_eq!(offers("header.x-kind = "), (16, quoted(&["a b"])));
        assert_eq!(offers("ip:203"), (3, vec!["203.0.113.0".to_owned(), "203.0.113.1".to_owned()]));
        assert_eq!(offers("agent:c"), (6, quoted(&["curl/8.5"])));
        assert_eq!(offers("credential:leg"), (11, quoted(&["Legacy CRM"])));
        assert_eq!(offers("data.note = 12"), (12, vec![r#""12 \"fresh\"""#.to_owned()]));
    }

    #[test]
    fn nothing_is_offered_for_what_is_complete_or_broken() {
        for before in ["type = \"invoice.paid\"x", "zzz", "zzz = ", "\"", "type == ", "data.lines = "] {
            assert_eq!(offers(before).1, Vec::<String>::new(), "{before}");
        }
    }
}
