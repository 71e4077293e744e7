//! The substring prefilter of a search, which trigram indexes answer.
//!
//! What a body must contain, letter for letter, for a search to have a chance: what the database looks for, so that the bodies
//! that cannot match never leave it. Never decides by itself; a body that passes is still asked.

use std::ops::RangeInclusive;

use crate::domain::event::EventId;
use crate::domain::query::ast::{
    Condition, Expression, HeaderCondition, Operator, Piece, Query, SourceCondition, Term, Test, Value,
};

/// Texts that follow one another, with anything between them. They are ASCII in lower case, to be looked for in what has its ASCII
/// letters, and no others, in lower case.
pub(crate) type Pattern = Vec<String>;

/// What is so of every event that matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prefilter {
    /// Nothing that the database could look for.
    #[default]
    Anything,
    /// The body contains this, unless it spells a printable ASCII character as an escape, `\u0020` to `\u007f`: it may say the same in
    /// another spelling.
    Body(Pattern),
    /// The headers contain this, letter for letter, as they are stored.
    Headers(String),
    Source(SourceCondition),
    Ids(RangeInclusive<EventId>),
    All(Vec<Prefilter>),
    Any(Vec<Prefilter>),
}

impl Prefilter {
    pub(crate) fn of(query: &Query) -> Self {
        Self::of_expression(&query.root)
    }

    fn of_expression(expression: &Expression) -> Self {
        match expression {
            Expression::Term(term) => Self::of_term(term),
            Expression::Not(_) => Self::Anything,
            Expression::All(parts) => {
                let known: Vec<_> =
                    parts.iter().map(Self::of_expression).filter(|part| *part != Self::Anything).collect();
                if known.is_empty() { Self::Anything } else { Self::All(known) }
            }
            Expression::Any(parts) => Self::any(parts.iter().map(Self::of_expression).collect()),
        }
    }

    fn any(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Anything) { Self::Anything } else { Self::Any(parts) }
    }

    fn of_term(term: &Term) -> Self {
        let body = |pattern: Pattern| if pattern.is_empty() { Self::Anything } else { Self::Body(pattern) };
        match term {
            Term::Text(text) => {
                let body = body(plain_runs(text));
                match EventId::beginning_with(text) {
                    Some(ids) => Self::any(vec![body, Self::Ids(ids)]),
                    None => body,
                }
            }
            Term::Field(condition) => body(of_condition(condition)),
            Term::Header(condition) => of_header(condition).map_or(Self::Anything, Self::Headers),
            Term::Source(condition) => Self::Source(condition.clone()),
        }
    }

    /// Whether an index of three letters in a row narrows it down.
    pub(crate) fn has_trigram(&self) -> bool {
        match self {
            Self::Body(pattern) => pattern
                .iter()
                .any(|part| part.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric))),
            Self::All(parts) => parts.iter().any(Self::has_trigram),
            // The key is an index as well.
            Self::Any(parts) => parts.iter().all(|part| matches!(part, Self::Ids(_)) || part.has_trigram()),
            Self::Anything | Self::Headers(_) | Self::Source(_) | Self::Ids(_) => false,
        }
    }
}

/// What the headers of an event contain, as they are stored, for a condition on one of them to hold.
fn of_header(condition: &HeaderCondition) -> Option<String> {
    let whole = |text: &str| serde_json::to_string(text).ok();
    let name = whole(&condition.name)?;
    match &condition.test {
        Test::Missing => None,
        Test::Compare(Operator::Equal, Value::Text(text)) => Some(format!("[{name},{}]", whole(text)?)),
        _ => Some(format!("[{name},")),
    }
}

fn of_condition(condition: &Condition) -> Pattern {
    if condition.test == Test::Missing {
        return Pattern::new();
    }
    let keys = condition.path.iter().filter_map(|chunk| match chunk {
        Piece::Key(key) => Some(whole_string(key)),
        Piece::Index(_) | Piece::Each => None,
    });
    let value = match &condition.test {
        Test::Compare(Operator::Equal, Value::Text(text)) => whole_string(text),
        Test::Compare(Operator::Equal, value @ (Value::True | Value::False | Value::Null)) => vec![value.to_string()],
        Test::Contains(text) => plain_runs(text),
        // Numbers have many spellings, and the others say what is not there.
        _ => Pattern::new(),
    };
    keys.flatten().chain(value).collect()
}

/// A string from its quote on, where there is one way to spell it without an escape. In JSON that a string holds, a backslash stands before
/// the quote at its end.
fn whole_string(text: &str) -> Pattern {
    if text.chars().all(is_plain) { vec![format!("\"{}", text.to_ascii_lowercase())] } else { plain_runs(text) }
}

/// The parts of a string's value that a body spells as they are, unless with `\u`. A slash may also be spelled `\/`.
fn plain_runs(text: &str) -> Pattern {
    runs(text, is_plain)
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '/')
}

/// The parts of a text that are there as they are but for their case: of other alphabets, the database may think otherwise.
pub(crate) fn ascii_runs(text: &str) -> Pattern {
    runs(text, |c| c.is_ascii() && c != '\0')
}

fn runs(text: &str, is_kept: impl Fn(char) -> bool) -> Pattern {
    text.split(|c| !is_kept(c)).filter(|run| !run.is_empty()).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::Prefilter;
    use crate::domain::query::ast::Query;

    fn prefilter(search: &str) -> Prefilter {
        Prefilter::of(&Query::parse(search).unwrap().unwrap())
    }

    fn strings(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    fn body(parts: &[&str]) -> Prefilter {
        Prefilter::Body(strings(parts))
    }

    #[test]
    fn a_text_is_looked_for_by_the_parts_that_have_one_spelling() {
        assert_eq!(prefilter("SKU-1"), body(&["sku-1"]));
        assert_eq!(prefilter("Größe \"M\""), body(&["gr", "e ", "m"]));
        assert_eq!(prefilter("https://shop.example"), body(&["https:", "shop.example"]));
        assert_eq!(prefilter("日本"), Prefilter::Anything);
        assert!(matches!(prefilter("019a8f3c"), Prefilter::Any(parts) if matches!(parts[1], Prefilter::Ids(_))));
    }

    #[test]
    fn a_condition_is_looked_for_by_its_keys_and_its_value() {
        assert_eq!(prefilter(r#"data.id = "SKU-1""#), body(&["\"data", "\"id", "\"sku-1"]));
        assert_eq!(prefilter("data.n > 20"), body(&["\"data", "\"n"]));
        assert_eq!(prefilter("items[0].ok = true"), body(&["\"items", "\"ok", "true"]));
        assert_eq!(prefilter(r#"url contains "a/B\"é""#), body(&["\"url", "a", "b"]));
        assert_eq!(prefilter("event not exists"), Prefilter::Anything);
        assert_eq!(prefilter(r#"event != "x""#), body(&["\"event"]));
        assert_eq!(prefilter("n in (1, 2)"), body(&["\"n"]));
    }

    #[test]
    fn what_is_joined_is_looked_for_as_far_as_it_is_known() {
        let (a, b) = (|| body(&["\"a"]), || body(&["late"]));
        assert_eq!(prefilter("a > 1 late"), Prefilter::All(vec![a(), b()]));
        assert_eq!(prefilter("a > 1 or late"), Prefilter::Any(vec![a(), b()]));
        assert_eq!(prefilter("a > 1 and not late"), Prefilter::All(vec![a()]));
        assert_eq!(prefilter("a > 1 or not late"), Prefilter::Anything);
        assert_eq!(prefilter("(a > 1 or late) and not late"), Prefilter::All(vec![Prefilter::Any(vec![a(), b()])]));
        assert!(prefilter("a > 1 late").has_trigram() && !prefilter("a > 1 or late").has_trigram());
        assert!(prefilter("late OR 019a8f3c").has_trigram() && !prefilter("ip:203.0.113.7").has_trigram());
    }
}
