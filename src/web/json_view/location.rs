//! Finding a value of a body by its byte offset.
//!
//! Finds a value of a body by its place in the text, with the way that leads to it, and writes that way for people and programs.

use crate::web::json_view::tokens::Kind;
use crate::web::json_view::walk::{Name, Step, Walk, What};

/// Steps of a way that are kept from its start and from its end. A way may have half a million.
pub const KEPT_AT_EACH_END: usize = 64;
/// The longest way that is written down to be copied, in bytes.
const MAX_WRITTEN_BYTES: usize = 2_000;

/// One step down: into which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child<'a> {
    /// Where the child starts.
    pub at: usize,
    pub index: usize,
    /// In an object.
    pub name: Option<Name<'a>>,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    Container { is_object: bool },
    Scalar { kind: Kind, text: &'a str },
    Key { text: &'a str },
}

/// A place that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLocation<'a> {
    pub at: usize,
    pub found: Found<'a>,
    /// How many steps lead to it.
    pub depth: usize,
    /// The first steps of the way: all of them, unless `last` has some.
    pub first: Vec<Child<'a>>,
    /// The last steps of a long way.
    pub last: Vec<Child<'a>>,
}

impl<'a> ValueLocation<'a> {
    /// The place where the whole value of a body starts; `None` when there is nothing in it.
    pub fn top(body: &'a str) -> Option<Self> {
        let step = Walk::body(body).next()?;
        Some(Self { at: step.at, found: found(&step), depth: 0, first: Vec::new(), last: Vec::new() })
    }

    /// The place at a number of bytes from the start of the body; `None` when no value and no key starts there.
    ///
    /// Goes through the text before it twice, rather than keeping a way that may be as long as the text.
    pub fn find(body: &'a str, at: usize) -> Option<Self> {
        let (depth, found) = Walk::body(body).find_map(|step| {
            if matches!(step.what, What::Close { .. }) {
                None
            } else if step.at == at {
                Some((step.level, found(&step)))
            } else {
                step.name.filter(|name| name.at == at).map(|name| (step.level, Found::Key { text: name.text }))
            }
        })?;
        let mut location = Self { at, found, depth, first: Vec::new(), last: Vec::new() };
        for step in Walk::body(body).filter(|step| !matches!(step.what, What::Close { .. })) {
            location.pass(&step);
            if step.at >= at {
                break;
            }
        }
        Some(location)
    }

    /// Notes the latest child of each level that is kept: at the end, these are the way.
    fn pass(&mut self, step: &Step<'a>) {
        let child = Child { at: step.at, index: step.index, name: step.name };
        let from_end = self.depth.saturating_sub(KEPT_AT_EACH_END).max(KEPT_AT_EACH_END);
        let (kept, level) = match step.level.checked_sub(1) {
            None => return,
            Some(level) if level >= self.depth => return,
            Some(level) if level < KEPT_AT_EACH_END => (&mut self.first, level),
            Some(level) if level >= from_end => (&mut self.last, level - from_end),
            Some(_) => return,
        };
        if level < kept.len() {
            kept[level] = child;
        } else if level == kept.len() {
            kept.push(child);
        }
    }

    /// The steps left out between the first and the last.
    pub fn left_out(&self) -> usize {
        self.depth - self.first.len() - self.last.len()
    }

    /// Under which name or index it stands.
    pub fn child(&self) -> Option<&Child<'a>> {
        self.last.last().or(self.first.last())
    }

    /// The way as a JSON Pointer (RFC 6901); `None` when it is too long, or a key on it is no Unicode text.
    pub fn pointer(&self) -> Option<String> {
        let steps = self.whole_way()?;
        let mut pointer = String::new();
        for step in steps {
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

    /// All steps, when none is left out and a value is at the end of them.
    pub fn whole_way(&self) -> Option<&[Child<'a>]> {
        (self.last.is_empty() && !matches!(self.found, Found::Key { .. })).then_some(&self.first)
    }
}

fn found<'a>(step: &Step<'a>) -> Found<'a> {
    match step.what {
        What::Open { is_object } | What::Close { is_object } => Found::Container { is_object },
        What::Scalar { kind, text } => Found::Scalar { kind, text },
    }
}

/// What a JSON string stands for; `None` for what is no Unicode text, such as a lone surrogate, and for strings that are long.
pub fn decoded(quoted: &str) -> Option<String> {
    if quoted.len() > MAX_WRITTEN_BYTES {
        return None;
    }
    serde_json::from_str(quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::{Found, KEPT_AT_EACH_END, ValueLocation};

    fn location<'a>(body: &'a str, part: &str) -> ValueLocation<'a> {
        ValueLocation::find(body, body.find(part).unwrap()).unwrap()
    }

    #[test]
    fn the_way_to_a_value_is_written_as_a_json_pointer() {
        let body = r#"{"x":[0],"a/b":[{"~":1,"":[true,{"\u0041":22}]}]}"#;
        assert_eq!(location(body, "22").pointer().unwrap(), "/a~1b/0//1/A");
        assert_eq!(location(body, "true").depth, 4);
        assert_eq!(ValueLocation::top(body).unwrap().pointer().unwrap(), "");
        assert_eq!(location(r#"{"\ud800":1}"#, "1").pointer(), None, "no pointer can name half a character");
    }

    #[test]
    fn of_two_keys_with_one_name_each_has_its_place() {
        let body = r#"{"a":1,"a":2}"#;
        assert_eq!(location(body, "1").child().unwrap().index, 0);
        assert_eq!(location(body, "2").child().unwrap().index, 1);
        assert!(matches!(location(body, "\"a\":2").found, Found::Key { text: "\"a\"" }));
    }

    #[test]
    fn there_is_nothing_between_values() {
        let body = r#"{"abc":[12, 3]}"#;
        for (at, _) in body.char_indices() {
            let starts = [0, 1, 7, 8, 12].contains(&at);
            assert_eq!(ValueLocation::find(body, at).is_some(), starts, "{at}");
        }
        assert_eq!(ValueLocation::find(body, usize::MAX), None);
        assert_eq!(ValueLocation::top(" "), None);
    }

    #[test]
    fn of_a_long_way_the_ends_are_kept() {
        let deep = |levels: usize| format!("{}7{}", "[".repeat(levels), "]".repeat(levels));
        let body = deep(500_000);
        let location = ValueLocation::find(&body, 500_000).unwrap();
        assert_eq!((location.depth, location.left_out()), (500_000, 500_000 - 2 * KEPT_AT_EACH_END));
        assert_eq!(location.first[1].at, 2);
        assert_eq!(location.child().unwrap().at, 500_000);
        assert_eq!(location.pointer(), None);
        for levels in [KEPT_AT_EACH_END, KEPT_AT_EACH_END + 1, 2 * KEPT_AT_EACH_END, 2 * KEPT_AT_EACH_END + 1] {
            let body = deep(levels);
            let location = ValueLocation::find(&body, levels).unwrap();
            let ats: Vec<_> = location.first.iter().chain(&location.last).map(|child| child.at).collect();
            assert_eq!(ats.first(), Some(&1));
            assert_eq!(ats.last(), Some(&levels));
            assert_eq!(location.left_out(), levels.saturating_sub(2 * KEPT_AT_EACH_END));
        }
    }
}
