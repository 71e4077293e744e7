//! JSON paths, in the syntax of the search.
//!
//! The way to a value, written in the language of the search: to be copied, and to look for the events that have the same value
//! there.

use crate::domain::query::ast::{Condition, Operator, Piece, Query, Term, Test, Value};
use crate::web::json_view::location::{Child, ValueLocation, decoded};

/// `data.lines[0].sku`, behind the way to what it is in; `None` where a search could not say it: the way is too long, or a key on it is no Unicode text.
pub(crate) fn path(base: &[Piece], location: &ValueLocation<'_>) -> Option<String> {
    let condition = Condition { path: [base, &chunks(location)?].concat(), test: Test::Exists };
    let written = searched(condition)?;
    Some(written.strip_suffix(" exists")?.to_owned())
}

/// `data.product_id = "SKU-12345"`; `None` for what is not compared: objects, lists, long texts.
pub(crate) fn same_value(base: &[Piece], location: &ValueLocation<'_>) -> Option<String> {
    let text = location.scalar()?;
    let value = match text {
        "null" => Value::Null,
        "true" => Value::True,
        "false" => Value::False,
        _ if text.starts_with('"') => Value::Text(decoded(text)?),
        _ => Value::Number(text.to_owned()),
    };
    searched(Condition { path: [base, &chunks(location)?].concat(), test: Test::Compare(Operator::Equal, value) })
}

/// The steps to a value; `None` for a key that is no Unicode text.
pub(crate) fn chunks(location: &ValueLocation<'_>) -> Option<Vec<Piece>> {
    let chunk = |child: &Child<'_>| match child.name {
        Some(name) => decoded(name.text).map(Piece::Key),
        None => u32::try_from(child.index).ok().map(Piece::Index),
    };
    location.way.iter().map(chunk).collect()
}

/// A condition as a search, if it is one: searches have bounds of their own.
fn searched(condition: Condition) -> Option<String> {
    let query = Query::of(Term::Field(condition));
    let written = query.to_string();
    matches!(Query::parse(&written), Ok(Some(again)) if again == query).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::{path, same_value};
    use crate::domain::query::ast::Query;
    use crate::web::json_view::location::ValueLocation;
    use crate::web::json_view::walk::{Walk, What};

    fn of(body: &str, part: &str) -> (Option<String>, Option<String>) {
        let location = ValueLocation::find(body, body.find(part).unwrap()).unwrap();
        (path(&[], &location), same_value(&[], &location))
    }

    #[test]
    fn a_value_is_looked_for_where_it_stands() {
        let body = r#"{"data":{"product_id":"SKU-12345","lines":[{"qty":25.0}]}}"#;
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(body, "\"SKU"), (some("data.product_id"), some("data.product_id = \"SKU-12345\"")));
        assert_eq!(of(body, "25.0"), (some("data.lines[0].qty"), some("data.lines[0].qty = 25.0")));
        assert_eq!(of(body, "[{"), (some("data.lines"), None));
        assert_eq!(of("17", "17"), (some("$"), some("$ = 17")));
    }

    #[test]
    fn what_a_search_cannot_say_is_not_written() {
        assert_eq!(of(r#"{"\ud800":1}"#, "1"), (None, None));
        assert_eq!(of(r#"["\ud800"]"#, "\"\\u").1, None);
        assert_eq!(of(&format!("[\"{}\"]", "x".repeat(3_000)), "\"x").1, None);
        assert_eq!(of(&format!("{}1", "[".repeat(40)), "1").0, None);
    }

    #[test]
    fn what_is_written_finds_the_body_that_it_was_written_from() {
        let body = r#"{"a.b":[{"":"x\u202e\"\n"},-0.5e-3],"not":{"and":null},"$":true,"a b":{"é[0]":"\\"}}"#;
        let mut written = 0;
        for step in Walk::body(body).filter(|step| matches!(step.what, What::Scalar { .. })) {
            let location = ValueLocation::find(body, step.at).unwrap();
            let query = same_value(&[], &location).unwrap();
            assert!(Query::parse(&query).unwrap().unwrap().matches(body), "{query}");
            written += 1;
        }
        assert_eq!(written, 5);
    }
}
