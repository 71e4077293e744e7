//! A value's location in a body, found by its byte offset, with the way that leads to it.

use crate::domain::query::embedded::embedded;
use crate::web::json_view::tokens::Kind;
use crate::web::json_view::walk::{Name, Step, Walk, What};

/// How many containers may be around a value that has a location. What is deeper is shown as received.
pub(crate) const MAX_DEPTH: usize = 100;
/// The longest way that is written down to be copied, in bytes.
const MAX_WRITTEN_BYTES: usize = 2_000;

/// One step down: into which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child<'a> {
    /// Where the child starts.
    pub(crate) at: usize,
    pub(crate) index: usize,
    /// In an object.
    pub(crate) name: Option<Name<'a>>,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Container { is_object: bool },
    Scalar { kind: Kind, text: &'a str },
}

/// A value that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLocation<'a> {
    pub(crate) at: usize,
    pub(crate) found: Found<'a>,
    /// The steps that lead to it, the last into itself.
    pub(crate) way: Vec<Child<'a>>,
}

impl<'a> ValueLocation<'a> {
    /// The whole value of a body; `None` when there is nothing in it.
    pub fn top(body: &'a str) -> Option<Self> {
        let step = Walk::body(body).next()?;
        Some(Self { at: step.at, found: found(&step), way: Vec::new() })
    }

    /// The value that starts a number of bytes after the start of the body; `None` when none does, or only a deeper one.
    pub(crate) fn find(body: &'a str, at: usize) -> Option<Self> {
        Self::find_all(body, &[at]).pop()
    }

    /// The values at several places, which are in order, in one walk.
    pub(crate) fn find_all(body: &'a str, places: &[usize]) -> Vec<Self> {
        let mut places = places.iter().copied().peekable();
        let (mut all, mut way) = (Vec::new(), Vec::new());
        for step in Walk::body(body) {
            if matches!(step.what, What::Close { .. }) || step.level > MAX_DEPTH {
                continue;
            }
            if let Some(above) = step.level.checked_sub(1) {
                way.truncate(above);
                way.push(Child { at: step.at, index: step.index, name: step.name });
            }
            while places.next_if(|place| *place < step.at).is_some() {}
            if places.next_if_eq(&step.at).is_some() {
                all.push(Self { at: step.at, found: found(&step), way: way.clone() });
            }
            if places.peek().is_none() {
                break;
            }
        }
        all
    }

    /// Under which name or index it stands.
    pub(crate) fn child(&self) -> Option<&Child<'a>> {
        self.way.last()
    }

    /// Its text as received.
    pub(crate) fn text(&self, body: &'a str) -> &'a str {
        let Found::Container { .. } = self.found else { return self.scalar().unwrap_or_default() };
        let end = Walk::from(body, self.at)
            .find(|step| step.level == 0 && matches!(step.what, What::Close { .. }))
            .map_or(body.len(), |step| step.at + 1);
        &body[self.at..end]
    }

    /// The text of a scalar.
    pub(crate) fn scalar(&self) -> Option<&'a str> {
        if let Found::Scalar { text, .. } = self.found { Some(text) } else { None }
    }

    /// The way as a JSON Pointer (RFC 6901); `None` when it is too long, or a key on it is no Unicode text.
    pub(crate) fn pointer(&self) -> Option<String> {
        let mut pointer = String::new();
        for step in &self.way {
            pointer.push('/');
            match &step.name {
                Some(name) => pointer.push_str(&decoded(name.text)?.replace('~', "~0").replace('/', "~1")),
                None => pointer.push_str(&step.index.to_string()),
            }
            if pointer.len() > MAX_WRITTEN_BYTES {
                return None;
            }
        }
        Some(pointer)
    }
}

fn found<'a>(step: &Step<'a>) -> Found<'a> {
    match step.what {
        What::Open { is_object } | What::Close { is_object } => Found::Container { is_object },
        What::Scalar { kind, text } => Found::Scalar { kind, text },
    }
}

/// The object or list that a string with its quotes holds.
pub(crate) fn held_json(quoted: &str) -> Option<String> {
    embedded(quoted.strip_prefix('"')?.strip_suffix('"')?)
}

/// What a JSON string stands for; `None` for what is no Unicode text, such as a lone surrogate, and for strings that are long.
pub(crate) fn decoded(quoted: &str) -> Option<String> {
    if quoted.len() > MAX_WRITTEN_BYTES {
        return None;
    }
    serde_json::from_str(quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, ValueLocation};

    fn location<'a>(body: &'a str, part: &str) -> ValueLocation<'a> {
        ValueLocation::find(body, body.find(part).unwrap()).unwrap()
    }

    #[test]
    fn the_way_to_a_value_is_written_as_a_json_pointer() {
        let body = r#"{"x":[0],"a/b":[{"~":1,"":[true,{"\u0041":22}]}]}"#;
        assert_eq!(location(body, "22").pointer().unwrap(), "/a~1b/0//1/A");
        assert_eq!(location(body, "true").way.len(), 4);
        assert_eq!(ValueLocation::top(body).unwrap().pointer().unwrap(), "");
        assert_eq!(location(r#"{"\ud800":1}"#, "1").pointer(), None, "no pointer can name half a character");
    }

    #[test]
    fn of_two_keys_with_one_name_each_has_its_place() {
        let body = r#"{"a":1,"a":2}"#;
        assert_eq!(location(body, "1").child().unwrap().index, 0);
        assert_eq!(location(body, "2").child().unwrap().index, 1);
    }

    #[test]
    fn a_value_has_its_text_and_there_is_nothing_between_values() {
        let body = r#"{"abc":[12, 3]}"#;
        for (at, _) in body.char_indices() {
            assert_eq!(ValueLocation::find(body, at).is_some(), [0, 7, 8, 12].contains(&at), "{at}");
        }
        assert_eq!(location(body, "[12").text(body), "[12, 3]");
        assert_eq!(location(body, "12").text(body), "12");
        assert_eq!(ValueLocation::find(body, usize::MAX), None);
        assert_eq!(ValueLocation::top(" "), None);
        let ats: Vec<usize> = ValueLocation::find_all(body, &[0, 3, 8, 12, 99]).iter().map(|found| found.at).collect();
        assert_eq!(ats, [0, 8, 12]);
    }

    #[test]
    fn what_is_too_deep_has_no_location() {
        let body = format!("{}7{}", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(ValueLocation::find(&body, MAX_DEPTH).unwrap().way.len(), MAX_DEPTH);
        assert_eq!(ValueLocation::find(&body, MAX_DEPTH + 1), None);
        assert_eq!(ValueLocation::find(&body, 500_000), None);
    }
}
