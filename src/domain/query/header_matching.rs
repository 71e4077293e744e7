//! Evaluation of a search against the request headers of an event.
//!
//! A value is a text. It compares with a number where it is one.

use std::cmp::Ordering;

use memchr::memmem;

use crate::domain::query::ast::{HeaderCondition, Operator, Test, Value};
use crate::domain::query::{number, strings};
use crate::domain::request_headers::KeptHeader;

/// Whether a condition holds for the headers of an event.
pub(super) fn holds(condition: &HeaderCondition, headers: &[KeptHeader]) -> bool {
    let mut values = headers.iter().filter(|(name, _)| *name == condition.name).map(|(_, value)| value.as_str());
    match &condition.test {
        Test::Exists => values.next().is_some(),
        Test::Missing => values.next().is_none(),
        Test::Contains(text) => {
            let text = strings::folded(text);
            values.any(|value| memmem::find(&strings::folded(value), &text).is_some())
        }
        Test::Compare(Operator::NotEqual, wanted) => {
            let mut values = values.peekable();
            values.peek().is_some() && values.all(|value| !is_equal(value, wanted))
        }
        Test::NotIn(wanted) => {
            let mut values = values.peekable();
            values.peek().is_some() && values.all(|value| !wanted.iter().any(|wanted| is_equal(value, wanted)))
        }
        Test::Compare(operator, wanted) => {
            values.any(|value| compare(value, wanted).is_some_and(|order| operator.accepts(order)))
        }
        Test::Between(from, to) => values.any(|value| {
            compare(value, from).is_some_and(Ordering::is_ge) && compare(value, to).is_some_and(Ordering::is_le)
        }),
        Test::In(wanted) => values.any(|value| wanted.iter().any(|wanted| is_equal(value, wanted))),
    }
}

fn is_equal(value: &str, wanted: &Value) -> bool {
    compare(value, wanted).is_some_and(Ordering::is_eq)
}

fn compare(value: &str, wanted: &Value) -> Option<Ordering> {
    let word = match wanted {
        Value::Text(text) => text,
        Value::Number(spelled) => return number::is_number(value).then(|| number::compare(value, spelled)),
        Value::True => "true",
        Value::False => "false",
        Value::Null => "null",
    };
    Some(value.cmp(word))
}

#[cfg(test)]
mod tests {
    use crate::domain::query::ast::Query;
    use crate::domain::query::facts::Facts;

    #[test]
    fn headers_are_asked_beside_the_body() {
        let headers = r#"[["x-github-event","push"],["x-attempt","3"],["x-tag","a"],["x-tag","b"]]"#;
        let event = Facts { headers, ..Facts::of_body("{\"n\": 1}") };
        let matches = |search: &str| Query::parse(search).unwrap().unwrap().matches_event(&event);
        for search in [
            "header.x-github-event = push",
            "header.X-GitHub-Event contains PU and n = 1",
            "header.x-attempt > 2",
            "header.x-attempt = 3.0",
            "header.x-tag = b",
            "header.x-other not exists",
            "header.x-github-event != pull",
            "header.x-github-event:push",
            "header.x-attempt 2..4",
            "header.x-github-event in (pull, push)",
            "header.x-github-event = pull or header.x-tag = b",
            "not header.x-tag = c",
        ] {
            assert!(matches(search), "{search}");
        }
        for search in [
            "header.x-github-event = Push",
            "header.x-github-event = push and n = 2",
            "header.x-github-event > 2",
            "header.x-tag != b",
            "header.x-other != a",
            "$.header.x-tag exists",
        ] {
            assert!(!matches(search), "{search}");
        }
    }
}
