//! Event types: by what two events of one sender are of the same kind. Most senders name it in a field; else it is the fields that there are.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use crate::domain::payload::value_text;
use crate::domain::query::columns::Fields;
use crate::domain::query::json_path::{PathStep, Seen, Visitor, walk};
use crate::domain::query::strings::decoded;

/// The fields that senders name the type of an event in, the most telling first.
const TYPE_FIELDS: &str = "type,event,event_type,eventType,event_name,topic,action,kind";
static TYPES: LazyLock<Fields> = LazyLock::new(|| TYPE_FIELDS.parse().unwrap_or_default());
/// Of an event that names none: how many of its fields count.
const MAX_FIELDS: usize = 20;
/// How much of a text is a name, in characters: fifty are on a page, which is light whatever is in them.
const MAX_TEXT_CHARS: usize = 24;
/// How far into a body is looked, in characters: what tells events apart stands at their beginning, and large ones cost no more.
pub(crate) const LOOKED_INTO: usize = 4_096;

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
        let end = body.char_indices().nth(LOOKED_INTO).map_or(body.len(), |(end, _)| end);
        let body = &body[..end];
        if let Some((place, value)) = named(body) {
            return Some(Self { fields: Fields(vec![TYPES.0.get(place)?.clone()]), named: Some(value) });
        }
        let mut members = Members::default();
        walk(value_text(body), &mut members);
        let names: Vec<&str> = members.0.iter().map(String::as_str).take(MAX_FIELDS).collect();
        let mut fields: Fields = names.join(",").parse().ok()?;
        // Not those that are empty, or cut off.
        let mut cells = fields.cells(body, "[]").into_iter();
        fields.0.retain(|_| cells.next().is_some_and(|cell| !cell.is_empty()));
        (!fields.0.is_empty()).then_some(Self { fields, named: None })
    }

    /// What an event is called by the beginning of its body: its type, or its first text.
    pub(crate) fn name_of(beginning: &str) -> Option<String> {
        named(beginning).map(|(_, value)| value).or_else(|| {
            let mut first = FirstText(None);
            walk(value_text(beginning), &mut first);
            first.0
        })
    }

    /// Whether another event is of it, by what it has in these fields.
    pub(crate) fn is_of(&self, cells: &[String]) -> bool {
        match &self.named {
            Some(value) => cells.first() == Some(value),
            None => cells.iter().all(|cell| !cell.is_empty()),
        }
    }
}

/// The names of the members of an object, but those that no column could have without quotes.
#[derive(Default)]
struct Members(BTreeSet<String>);

impl Visitor for Members {
    fn enter(&mut self, depth: usize, step: PathStep<'_>) {
        if let (1, PathStep::Key(name)) = (depth, step)
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            self.0.insert(name.to_owned());
        }
    }

    fn see(&mut self, _: usize, _: Seen<'_>) {}
}

/// The first value that is a text and not blank, as far as a name goes.
struct FirstText(Option<String>);

impl Visitor for FirstText {
    fn enter(&mut self, _: usize, _: PathStep<'_>) {}

    fn see(&mut self, _: usize, value: Seen<'_>) {
        let Seen::Text(spelled) = value else { return };
        let chars = decoded(spelled).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        let text: String = chars.take(MAX_TEXT_CHARS).collect();
        if !text.trim().is_empty() {
            self.0.get_or_insert(text);
        }
    }

    fn pass(&mut self, _: usize) -> ControlFlow<()> {
        if self.0.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
    fn an_event_is_called_by_its_type_or_its_first_text() {
        for (body, name) in [
            (r#"{"customer":"Ada","type":"invoice.paid"}"#, Some("invoice.paid")),
            (r#"{"n":1,"blank":" ","customer":{"name":"Jos\u00e9"},"last":"x"}"#, Some("José")),
            (r#""Hello""#, Some("Hello")),
            (r#"["cut off"#, Some("cut of")),
            (r#"{"n":1,"b":[null,true]}"#, None),
        ] {
            assert_eq!(EventKind::name_of(body).as_deref(), name, "{body}");
        }
    }

    #[test]
    fn without_a_type_the_fields_make_two_events_the_same() {
        assert!(are_same(r#"{"sku":"a","qty":1}"#, r#"{"qty":2,"sku":"b"}"#));
        assert!(!are_same(r#"{"sku":"a","qty":1}"#, r#"{"customer":"b"}"#));
        for body in ["[]", "1", "{}", "{", r#"{"a b":1}"#, r#"[{"a":1}]"#] {
            assert!(EventKind::of(body).is_none(), "{body}");
        }
    }
}
