//! A structural diff of two bodies.
//!
//! What is different in one body from another: what was added, removed, changed, by its path: names in objects, numbers in lists.
//! The words for it are left to the page.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::domain::query::number;
use crate::domain::query::strings::decoded;
use crate::web::json_view::location::MAX_DEPTH;
use crate::web::json_view::walk::{Step, Walk, What};

/// More values than a body of a mebibyte can have; each costs some 50 bytes.
pub(crate) const MAX_VALUES: usize = 600_000;

/// One difference. Values are named by their numbers in [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Change {
    Added {
        new: usize,
    },
    Removed {
        old: usize,
    },
    Changed {
        old: usize,
        new: usize,
    },
    /// The same number or text, spelled differently: `1` and `1.0`, `A` and `\u0041`.
    Respelled {
        old: usize,
        new: usize,
    },
}

impl Change {
    /// The value in the old body, if any.
    pub(crate) fn in_old(&self) -> Option<usize> {
        match *self {
            Change::Added { .. } => None,
            Change::Removed { old } | Change::Changed { old, .. } | Change::Respelled { old, .. } => Some(old),
        }
    }

    /// The value in the new body, if any.
    pub(crate) fn in_new(&self) -> Option<usize> {
        match *self {
            Change::Removed { .. } => None,
            Change::Added { new } | Change::Changed { new, .. } | Change::Respelled { new, .. } => Some(new),
        }
    }
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Counts {
    pub added: usize,
    pub(crate) removed: usize,
    pub(crate) changed: usize,
    pub(crate) respelled: usize,
}

impl Counts {
    pub(crate) fn all(&self) -> usize {
        self.added + self.removed + self.changed + self.respelled
    }
}

/// Some of the differences, those in the new body first, and the number of all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Changes {
    pub listed: Vec<Change>,
    pub counts: Counts,
}

/// One value. Those in it follow it in the list.
#[derive(Clone, Copy, Debug)]
struct Value {
    at: usize,
    end: usize,
    /// How many values it is, with all that is in it.
    values: usize,
    /// Of a container whose values are in the list.
    is_object: Option<bool>,
    /// A digest, of 64 bits under a key that no sender knows, so that equal digests are equal paths.
    path: u64,
}

/// The values of a body, in order. What is deeper than [`MAX_DEPTH`] is part of the text of what it is in.
#[derive(Debug)]
pub struct Values<'a> {
    body: &'a str,
    list: Vec<Value>,
    /// By the digest of its path: a value, and how many more have the same name in the same object.
    by_path: HashMap<u64, (usize, usize)>,
}

impl<'a> Values<'a> {
    /// `None` when there are more than [`MAX_VALUES`], or none. Bodies that are compared need one and the same `key`.
    pub fn read(body: &'a str, key: &RandomState) -> Option<Self> {
        let mut read = Self { body, list: Vec::new(), by_path: HashMap::new() };
        let mut open: Vec<usize> = Vec::new();
        for step in Walk::body(body).filter(|step| step.level <= MAX_DEPTH) {
            if let What::Close { .. } = step.what {
                let (id, count) = (open.pop()?, read.list.len());
                let value = read.list.get_mut(id)?;
                (value.end, value.values) = (step.at + 1, count - id);
                continue;
            }
            let id = read.list.len();
            if id >= MAX_VALUES {
                return None;
            }
            let around = open.last().map_or(0, |id| read.list[*id].path);
            let end = step.at + if let What::Scalar { text, .. } = step.what { text.len() } else { 1 };
            let is_object = match step.what {
                What::Open { is_object } if step.level < MAX_DEPTH => Some(is_object),
                _ => None,
            };
            let path = read.add_path(path(around, &step, key), id, key);
            read.list.push(Value { at: step.at, end, values: 1, is_object, path });
            if let What::Open { .. } = step.what {
                open.push(id);
            }
        }
        (!read.list.is_empty()).then_some(read)
    }

    /// Of several with one name in an object, the first is paired with the first.
    fn add_path(&mut self, path: u64, id: usize, key: &RandomState) -> u64 {
        let path = match self.by_path.get_mut(&path) {
            Some((_, more)) => {
                *more += 1;
                key.hash_one((path, *more))
            }
            None => path,
        };
        self.by_path.insert(path, (id, 0));
        path
    }

    /// The value at the path that a value of another body has.
    fn partner(&self, other: &Value) -> Option<usize> {
        self.by_path.get(&other.path).map(|(id, _)| *id)
    }

    /// Where a value starts.
    pub(crate) fn at(&self, id: usize) -> usize {
        self.list[id].at
    }

    /// A value as received.
    pub(crate) fn text(&self, id: usize) -> &'a str {
        &self.body[self.list[id].at..self.list[id].end]
    }
}

fn path(around: u64, step: &Step<'_>, key: &RandomState) -> u64 {
    let mut hasher = key.build_hasher();
    hasher.write_u64(around);
    match step.name {
        Some(name) => decoded(name.bare()).for_each(|code| hasher.write_u32(code)),
        None => hasher.write_usize(step.index),
    }
    hasher.finish()
}

/// Compares two bodies; lists at most `limit` differences from the one with the number `start`. Time and memory are in proportion
/// to the length of the bodies, whatever they are.
pub fn changes(old: &Values<'_>, new: &Values<'_>, start: usize, limit: usize) -> Changes {
    let mut found = Changes { listed: Vec::new(), counts: Counts::default() };
    let mut note = |change| found.note(change, start, limit);
    let mut id = 0;
    while let Some(value) = new.list.get(id) {
        match old.partner(value) {
            Some(was) if value.is_same_container(&old.list[was]) => {
                id += 1;
                continue;
            }
            Some(was) if old.text(was) == new.text(id) => {}
            Some(was) if is_respelled(old.text(was), new.text(id)) => note(Change::Respelled { old: was, new: id }),
            Some(was) => note(Change::Changed { old: was, new: id }),
            None => note(Change::Added { new: id }),
        }
        id += value.values;
    }
    let mut id = 0;
    while let Some(value) = old.list.get(id) {
        let partner = new.partner(value);
        if partner.is_none() {
            note(Change::Removed { old: id });
        }
        let goes_in = partner.is_some_and(|is| value.is_same_container(&new.list[is]));
        id += if goes_in { 1 } else { value.values };
    }
    found
}

impl Value {
    fn is_same_container(&self, other: &Self) -> bool {
        self.is_object.is_some() && self.is_object == other.is_object
    }
}

impl Changes {
    fn note(&mut self, change: Change, start: usize, limit: usize) {
        if self.counts.all() >= start && self.listed.len() < limit {
            self.listed.push(change);
        }
        let count = match change {
            Change::Added { .. } => &mut self.counts.added,
            Change::Removed { .. } => &mut self.counts.removed,
            Change::Changed { .. } => &mut self.counts.changed,
            Change::Respelled { .. } => &mut self.counts.respelled,
        };
        *count += 1;
    }
}

/// Whether two texts of JSON that are not equal stand for the same number or string.
fn is_respelled(old: &str, new: &str) -> bool {
    match (old.as_bytes().first(), new.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => decoded(old).eq(decoded(new)),
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => number::compare(old, new).is_eq(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::strategy::{Just, Strategy};
    use proptest::{prop_assert_eq, prop_oneof, proptest};
    use serde_json::Value;

    use super::{Change, Changes, Counts, MAX_VALUES, RandomState, Values, changes};
    use crate::web::json_view::location::{Child, MAX_DEPTH, ValueLocation, decoded};

    fn read<'a>(old: &'a str, new: &'a str) -> (Values<'a>, Values<'a>) {
        let key = RandomState::new();
        (Values::read(old, &key).unwrap(), Values::read(new, &key).unwrap())
    }

    fn compare(old: &str, new: &str) -> Changes {
        let (old, new) = read(old, new);
        changes(&old, &new, 0, usize::MAX)
    }

    fn location<'a>(values: &Values<'a>, id: usize) -> ValueLocation<'a> {
        ValueLocation::find(values.body, values.at(id)).unwrap()
    }

    /// Differences as `+ /path value`, `- …`, `~ …`, `= …`.
    fn lines(old: &str, new: &str) -> Vec<String> {
        let found = compare(old, new);
        let (old, new) = read(old, new);
        let path = |values: &Values<'_>, id: usize| location(values, id).pointer().unwrap();
        let line = |change: &Change| match *change {
            Change::Added { new: is } => format!("+ {} {}", path(&new, is), new.text(is)),
            Change::Removed { old: was } => format!("- {} {}", path(&old, was), old.text(was)),
            Change::Changed { old: was, new: is } => {
                format!("~ {} {} {}", path(&new, is), old.text(was), new.text(is))
            }
            Change::Respelled { old: was, new: is } => {
                format!("= {} {} {}", path(&new, is), old.text(was), new.text(is))
            }
        };
        found.listed.iter().map(line).collect()
    }

    #[test]
    fn members_go_by_key_and_items_by_number() {
        let old = r#"{"sku":"HB","qty":2,"tags":["a","b","c"],"gone":{"x":1},"lines":[{"n":1},{"n":2}]}"#;
        let new = r#"{"qty":3,"sku":"HB","tags":["a","x","b","c"],"lines":[{"n":1},{"n":2,"new":true}]}"#;
        let expected = [
            "~ /qty 2 3",
            "~ /tags/1 \"b\" \"x\"",
            "~ /tags/2 \"c\" \"b\"",
            "+ /tags/3 \"c\"",
            "+ /lines/1/new true",
            "- /gone {\"x\":1}",
        ];
        assert_eq!(lines(old, new), expected);
        assert_eq!(compare(old, new).counts, Counts { added: 2, removed: 1, changed: 3, respelled: 0 });
    }

    #[test]
    fn another_spelling_of_one_value_is_told_apart_from_another_value() {
        let expected = ["= /a 1 1.0", "~ /b 1e400 1e401", "= /c \"A\\/\" \"\\u0041/\"", "~ /d 1 \"1\""];
        assert_eq!(
            lines(r#"{"a":1,"b":1e400,"c":"A\/","d":1}"#, r#"{"a":1.0,"b":1e401,"c":"\u0041/","d":"1"}"#),
            expected
        );
    }

    #[test]
    fn duplicate_and_strange_keys_are_paired() {
        assert_eq!(lines(r#"{"a":1,"a":2,"":0}"#, r#"{"a":1,"a":3,"a":4}"#), ["~ /a 2 3", "+ /a 4", "- / 0"]);
        assert_eq!(compare(r#"{"\ud800":1}"#, r#"{"\ud801":1}"#).counts.all(), 2);
        assert_eq!(compare(r#"{"\u0041":1}"#, r#"{"A":1}"#).counts.all(), 0);
    }

    #[test]
    fn space_order_of_keys_and_a_byte_order_mark_are_no_difference() {
        assert_eq!(compare("\u{FEFF}{\"a\":1, \"b\":[ ]}", "{\"b\":[],\"a\":1}").counts.all(), 0);
    }

    #[test]
    fn a_list_of_them_is_a_part_of_all() {
        let (old, new) = (format!("[{}0]", "1,".repeat(500)), format!("[{}0]", "2,".repeat(500)));
        let (old, new) = read(&old, &new);
        let found = changes(&old, &new, 450, 100);
        assert_eq!((found.listed.len(), found.counts.changed), (50, 500));
        assert_eq!(found.listed[0], Change::Changed { old: 451, new: 451 });
    }

    #[test]
    fn hostile_bodies_are_compared_in_bounded_work() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(400_000), "]".repeat(400_000));
        let found = compare(&deep("1"), &deep("2"));
        assert_eq!(found.listed, [Change::Changed { old: MAX_DEPTH, new: MAX_DEPTH }]);
        assert!(Values::read(&format!("[{}1]", "1,".repeat(MAX_VALUES)), &RandomState::new()).is_none());
        assert!(Values::read("", &RandomState::new()).is_none());
        let many = |value: u8| format!("[{}0]", format!("{value},").repeat(500_000));
        assert_eq!(compare(&many(1), &many(2)).counts.changed, 500_000);
        let keys = |from: usize| {
            let members: Vec<String> = (from..from + 90_000).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let counts = compare(&keys(0), &keys(1)).counts;
        assert_eq!((counts.added, counts.removed, counts.changed), (1, 1, 0));
        let same_key = |value: u8| format!("{{{}\"a\":0}}", format!("\"a\":{value},").repeat(100_000));
        assert_eq!(compare(&same_key(1), &same_key(2)).counts.changed, 100_000);
        let lists = |value: u8| format!("[{}0]", format!("[{value},1,2,3,{value},4],").repeat(40_000));
        assert!(compare(&lists(7), &lists(8)).counts.changed >= 40_000);
    }

    fn json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            proptest::bool::ANY.prop_map(Value::from),
            (0..4).prop_map(Value::from),
            "[ab~/]{0,2}".prop_map(Value::from),
        ];
        scalar.prop_recursive(5, 50, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                btree_map("[a-d/~]{0,1}", inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The container around a place, and the last step to it.
    fn parent<'v, 'a>(value: &'v mut Value, location: &ValueLocation<'a>) -> (&'v mut Value, Child<'a>) {
        let (last, way) = location.way.split_last().unwrap();
        let step = |value: &'v mut Value, child: &Child<'a>| match child.name {
            Some(name) => value.get_mut(decoded(name.text).unwrap()).unwrap(),
            None => value.get_mut(child.index).unwrap(),
        };
        (way.iter().fold(value, step), *last)
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Makes the new value out of the old one and the differences alone.
    fn applied(old: &str, new: &str) -> Value {
        let found = compare(old, new).listed;
        let (olds, news) = read(old, new);
        let mut value = parsed(old);
        for change in &found {
            if let Change::Changed { old: was, new: is } | Change::Respelled { old: was, new: is } = *change {
                let location = location(&olds, was);
                if location.way.is_empty() {
                    return parsed(news.text(is));
                }
                match parent(&mut value, &location) {
                    (list, Child { name: None, index, .. }) => list[index] = parsed(news.text(is)),
                    (object, Child { name: Some(name), .. }) => {
                        object[decoded(name.text).unwrap()] = parsed(news.text(is));
                    }
                }
            }
        }
        let mut removed: Vec<usize> = found
            .iter()
            .filter_map(|change| if let Change::Removed { old } = change { Some(*old) } else { None })
            .collect();
        removed.sort_unstable();
        for was in removed.into_iter().rev() {
            match parent(&mut value, &location(&olds, was)) {
                (Value::Array(list), child) => _ = list.remove(child.index),
                (object, child) => {
                    object.as_object_mut().unwrap().remove(&decoded(child.name.unwrap().text).unwrap());
                }
            }
        }
        let mut added: Vec<usize> = found
            .iter()
            .filter_map(|change| if let Change::Added { new } = change { Some(*new) } else { None })
            .collect();
        added.sort_unstable();
        for is in added {
            match parent(&mut value, &location(&news, is)) {
                (Value::Array(list), child) => list.insert(child.index, parsed(news.text(is))),
                (object, child) => {
                    object
                        .as_object_mut()
                        .unwrap()
                        .insert(decoded(child.name.unwrap().text).unwrap(), parsed(news.text(is)));
                }
            }
        }
        value
    }

    proptest! {
        #[test]
        fn a_body_has_no_difference_from_itself(value in json()) {
            prop_assert_eq!(compare(&value.to_string(), &format!("{value:#}")).counts.all(), 0);
        }

        #[test]
        fn the_differences_make_the_new_body_out_of_the_old_one(old in json(), new in json()) {
            prop_assert_eq!(applied(&old.to_string(), &new.to_string()), new);
        }
    }
}
