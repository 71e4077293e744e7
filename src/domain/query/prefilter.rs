//! The substring prefilter of a search, which trigram indexes answer.
//!
//! What a body must contain, letter for letter, for a search to have a chance: what the database looks for, so that the bodies
//! that cannot match never leave it. Never decides by itself; a body that passes is still asked.

use crate::domain::query::ast::{Condition, Operator, Piece, Query, Test, Value};

/// Texts that follow one another in a body, with anything between them. They are ASCII in lower case, to be looked for in the body
/// with its ASCII letters, and no others, in lower case.
pub(crate) type Pattern = Vec<String>;

/// What the bodies that match contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patterns {
    /// In every one of them.
    pub(crate) always: Vec<Pattern>,
    /// In those that spell no printable ASCII character as an escape, `\u0020` to `\u007f`. The others may say the same in another
    /// spelling.
    pub(crate) unless_escaped: Vec<Pattern>,
}

impl Patterns {
    pub(crate) fn of(query: &Query) -> Self {
        let kept = |pattern: &Pattern| !pattern.is_empty();
        Self {
            always: query.texts().map(ascii_runs).filter(kept).collect(),
            unless_escaped: query.conditions().map(of_condition).filter(kept).collect(),
        }
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
        Test::Compare(..) | Test::Exists | Test::Missing => Pattern::new(),
    };
    keys.flatten().chain(value).collect()
}

/// A string with its quotes, where there is one way to spell it without an escape.
fn whole_string(text: &str) -> Pattern {
    if text.chars().all(is_plain) { vec![format!("\"{}\"", text.to_ascii_lowercase())] } else { plain_runs(text) }
}

/// The parts of a string's value that a body spells as they are, unless with `\u`. A slash may also be spelled `\/`.
fn plain_runs(text: &str) -> Pattern {
    runs(text, is_plain)
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '/')
}

/// The parts of a text that are in the body as they are but for their case: of other alphabets, the database may think otherwise.
fn ascii_runs(text: &str) -> Pattern {
    runs(text, |c| c.is_ascii() && c != '\0')
}

fn runs(text: &str, is_kept: impl Fn(char) -> bool) -> Pattern {
    text.split(|c| !is_kept(c)).filter(|run| !run.is_empty()).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::Patterns;
    use crate::domain::query::ast::Query;

    fn patterns(search: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        let found = Patterns::of(&Query::parse(search).unwrap().unwrap());
        (found.always, found.unless_escaped)
    }

    fn one(parts: &[&str]) -> Vec<Vec<String>> {
        vec![parts.iter().map(|part| (*part).to_owned()).collect()]
    }

    #[test]
    fn a_text_is_looked_for_by_its_ascii_parts() {
        assert_eq!(patterns("SKU-1"), (one(&["sku-1"]), vec![]));
        assert_eq!(patterns("Größe \"M\""), (one(&["gr", "e \"m\""]), vec![]));
        assert_eq!(patterns("日本"), (vec![], vec![]));
    }

    #[test]
    fn a_condition_is_looked_for_by_its_keys_and_its_value() {
        assert_eq!(patterns(r#"data.id = "SKU-1""#), (vec![], one(&["\"data\"", "\"id\"", "\"sku-1\""])));
        assert_eq!(patterns("data.n > 20"), (vec![], one(&["\"data\"", "\"n\""])));
        assert_eq!(patterns("items[0].ok = true"), (vec![], one(&["\"items\"", "\"ok\"", "true"])));
        assert_eq!(patterns(r#"url contains "a/B\"é""#), (vec![], one(&["\"url\"", "a", "b"])));
        assert_eq!(patterns("event not exists"), (vec![], vec![]));
        assert_eq!(patterns(r#"event != "x""#), (vec![], one(&["\"event\""])));
    }
}
