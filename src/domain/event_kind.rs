//! Event types: by what two events of one sender are of the same kind. Most senders name it in a field; else it is the fields that there are.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::de::IgnoredAny;

use crate::domain::payload::value_text;
use crate::domain::query::columns::Fields;

/// The fields that senders name the type of an event in, the most telling first.
const TYPE_FIELDS: &str = "type,event,event_type,eventType,event_name,topic,action,kind";
static TYPES: LazyLock<Fields> = LazyLock::new(|| TYPE_FIELDS.parse().unwrap_or_default());
/// Of an event that names none: how many of its fields count.
const MAX_FIELDS: usize = 50;

/// What an event is.
#[derive(Debug)]
pub(crate) struct EventKind {
    /// What has to be read of another event.
    pub(crate) fields: Fields,
    /// What it says there: its type; `None` where what counts is that there are these fields.
    named: Option<String>,
}

impl EventKind {
    /// Of a body; `None` where it is no object, or has no fields that tell anything.
    pub(crate) fn of(body: &str) -> Option<Self> {
        let members: BTreeMap<String, IgnoredAny> = serde_json::from_str(value_text(body).trim()).ok()?;
        if let Some((place, value)) = named(body) {
            return Some(Self { fields: Fields(vec![TYPES.0.get(place)?.clone()]), named: Some(value) });
        }
        let is_plain = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let names: Vec<&str> = members.keys().filter(is_plain).map(String::as_str).take(MAX_FIELDS).collect();
        let fields: Fields = names.join(",").parse().ok()?;
        let has_all = fields.cells(body, "[]").iter().all(|cell| !cell.is_empty());
        (has_all && !fields.0.is_empty()).then_some(Self { fields, named: None })
    }

    /// The type that the beginning of a body names.
    pub(crate) fn type_of(beginning: &str) -> Option<String> {
        named(beginning).map(|(_, value)| value)
    }

    /// Whether another event is of it, by what it has in these fields.
    pub(crate) fn is_of(&self, cells: &[String]) -> bool {
        match &self.named {
            Some(value) => cells.first() == Some(value),
            None => cells.iter().all(|cell| !cell.is_empty()),
        }
    }
}

/// The first field that names a type, and the type; an object or a list is none.
fn named(body: &str) -> Option<(usize, String)> {
    let cells = TYPES.cells(body, "[]").into_iter().enumerate();
    cells.into_iter().find(|(_, cell)| !cell.is_empty() && cell != "null" && !cell.starts_with(['{', '[']))
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    fn are_same(one: &str, other: &str) -> bool {
        let kind = EventKind::of(one).unwrap();
        kind.is_of(&kind.fields.cells(other, "[]"))
    }

    #[test]
    fn a_type_makes_two_events_the_same_whatever_else_they_have() {
        assert!(are_same(r#"{"type":"invoice.paid","a":1}"#, r#"{"b":2,"type":"invoice.paid"}"#));
        assert!(!are_same(r#"{"type":"invoice.paid"}"#, r#"{"type":"invoice.sent"}"#));
        assert!(!are_same(r#"{"event":"paid"}"#, r#"{"type":"paid"}"#));
        assert!(are_same(r#"{"event":{"id":1},"action":"opened"}"#, r#"{"action":"opened"}"#), "an object is no type");
    }

    #[test]
    fn without_a_type_the_fields_make_two_events_the_same() {
        assert!(are_same(r#"{"sku":"a","qty":1}"#, r#"{"qty":2,"sku":"b"}"#));
        assert!(!are_same(r#"{"sku":"a","qty":1}"#, r#"{"customer":"b"}"#));
        for body in ["[]", "1", "{}", "{", r#"{"a b":1}"#] {
            assert!(EventKind::of(body).is_none(), "{body}");
        }
    }
}
