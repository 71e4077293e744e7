//! Evaluation of a search against the request headers of an event.
//!
//! A value is a text. It compares with a number where it is one.

use std::cmp::Ordering;

use memchr::memmem;

use crate::domain::query::ast::{HeaderCondition, Operator, Query, Test, Value};
use crate::domain::query::{number, strings};
use crate::domain::request_headers::KeptHeader;

impl Query {
    /// Whether it asks anything about headers.
    pub(crate) fn asks_for_headers(&self) -> bool {
        self.headers().next().is_some()
    }

    /// Whether every term holds for an event with this body and these headers, as they are stored.
    pub(crate) fn matches_event(&self, body: &str, headers: &str) -> bool {
        if self.asks_for_headers() {
            let headers: Vec<KeptHeader> = serde_json::from_str(headers).unwrap_or_default();
            if !self.headers().all(|condition| holds(condition, &headers)) {
                return false;
            }
        }
        self.matches(body)
    }
}

fn holds(condition: &HeaderCondition, headers: &[KeptHeader]) -> bool {
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
            values.peek().is_some() && values.all(|value| !compare(value, wanted).is_some_and(Ordering::is_eq))
        }
        Test::Compare(operator, wanted) => {
            values.any(|value| compare(value, wanted).is_some_and(|order| operator.accepts(order)))
        }
    }
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

    #[test]
    fn headers_are_asked_beside_the_body() {
        let headers = r#"[["x-github-event","push"],["x-attempt","3"],["x-tag","a"],["x-tag","b"]]"#;
        let matches = |search: &str| Query::parse(search).unwrap().unwrap().matches_event("{\"n\": 1}", headers);
        for search in [
            "header.x-github-event = push",
            "header.X-GitHub-Event contains PU and n = 1",
            "header.x-attempt > 2",
            "header.x-attempt = 3.0",
            "header.x-tag = b",
            "header.x-other not exists",
            "header.x-github-event != pull",
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
