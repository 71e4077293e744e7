//! A structural diff of two bodies.
//!
//! What is different in one body from another: what was added, removed, changed, by where it stands. Objects are compared by key,
//! lists item by item. The words for it are left to the page.

use crate::domain::query::number;
use crate::domain::query::strings::decoded;
use crate::web::json_view::alignment::{MAX_CELLS_IN_ALL, Pairing, align};
use crate::web::json_view::nodes::{Digests, Nodes};

/// One difference. Values are named by their numbers in [`Nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    pub respelled: usize,
}

impl Counts {
    pub fn all(&self) -> usize {
        self.added + self.removed + self.changed + self.respelled
    }
}

/// Some of the differences, in the order of the new body, and the number of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub listed: Vec<Change>,
    pub counts: Counts,
    /// Lists were too long to look for what moved, so their items went by position.
    pub by_position: bool,
}

/// Compares two bodies; lists at most `limit` differences from the one with the number `start`. Time and memory are in proportion
/// to the number of values, whatever they are.
pub fn changes(old: &Nodes<'_>, new: &Nodes<'_>, digests: &Digests, start: usize, limit: usize) -> Changes {
    let mut found = Changes { listed: Vec::new(), counts: Counts::default(), by_position: false };
    let mut cells = MAX_CELLS_IN_ALL;
    // A stack rather than recursion, since a body may be half a million levels deep.
    let mut todo = vec![Change::Changed { old: 0, new: 0 }];
    while let Some(next) = todo.pop() {
        let Change::Changed { old: a, new: b } = next else {
            found.note(next, start, limit);
            continue;
        };
        if old.get(a).digest == new.get(b).digest {
            continue;
        }
        let first = todo.len();
        if old.is_object(a) && new.is_object(b) {
            members(&mut todo, (old, a), (new, b), digests);
        } else if old.is_list(a) && new.is_list(b) {
            found.by_position |= !items(&mut todo, (old, a), (new, b), &mut cells);
        } else if is_respelled(old.text(a), new.text(b)) {
            found.note(Change::Respelled { old: a, new: b }, start, limit);
        } else {
            found.note(next, start, limit);
        }
        todo[first..].reverse();
    }
    found
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

/// Pairs the members of two objects by name; of several with one name, the first with the first.
fn members(todo: &mut Vec<Change>, (old, a): (&Nodes<'_>, usize), (new, b): (&Nodes<'_>, usize), digests: &Digests) {
    let sorted = |nodes: &Nodes<'_>, id| {
        let mut members: Vec<(u64, usize)> =
            nodes.children(id).map(|child| (nodes.name_digest(child, digests), child)).collect();
        members.sort_unstable();
        members
    };
    let (olds, news) = (sorted(old, a), sorted(new, b));
    let (mut i, mut j) = (0, 0);
    let (mut here, mut gone) = (Vec::with_capacity(news.len()), Vec::new());
    while i < olds.len() || j < news.len() {
        match (olds.get(i), news.get(j)) {
            (Some((name, was)), Some((other, is))) if name == other => {
                here.push((*is, Change::Changed { old: *was, new: *is }));
                (i, j) = (i + 1, j + 1);
            }
            (Some((name, was)), other) if other.is_none_or(|(other, _)| name < other) => {
                gone.push(*was);
                i += 1;
            }
            (_, Some((_, is))) => {
                here.push((*is, Change::Added { new: *is }));
                j += 1;
            }
            (_, None) => break,
        }
    }
    here.sort_unstable_by_key(|(is, _)| *is);
    gone.sort_unstable();
    todo.extend(here.into_iter().map(|(_, change)| change));
    todo.extend(gone.into_iter().map(|was| Change::Removed { old: was }));
}

/// Pairs the items of two lists. `false` when that was by position alone.
fn items(
    todo: &mut Vec<Change>,
    (old, a): (&Nodes<'_>, usize),
    (new, b): (&Nodes<'_>, usize),
    cells: &mut usize,
) -> bool {
    let (olds, news): (Vec<usize>, Vec<usize>) = (old.children(a).collect(), new.children(b).collect());
    let digests = |nodes: &Nodes<'_>, ids: &[usize]| ids.iter().map(|id| nodes.get(*id).digest).collect::<Vec<_>>();
    let (pairings, exact) = align(&digests(old, &olds), &digests(new, &news), cells);
    todo.extend(pairings.into_iter().map(|outcome| match outcome {
        Pairing::Kept(was, is) => Change::Changed { old: olds[was], new: news[is] },
        Pairing::Removed(was) => Change::Removed { old: olds[was] },
        Pairing::Added(is) => Change::Added { new: news[is] },
    }));
    exact
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

    use super::{Change, Changes, Counts, changes};
    use crate::web::json_view::location::{Child, ValueLocation, decoded};
    use crate::web::json_view::nodes::{Digests, Nodes};

    fn compare(old: &str, new: &str) -> Changes {
        let digests = Digests::default();
        let (old, new) = (Nodes::read(old, &digests).unwrap(), Nodes::read(new, &digests).unwrap());
        changes(&old, &new, &digests, 0, usize::MAX)
    }

    /// Differences as `+ /path value`, `- …`, `~ …`, `= …`.
    fn lines(old: &str, new: &str) -> Vec<String> {
        let found = compare(old, new);
        let digests = Digests::default();
        let (old, new) = (Nodes::read(old, &digests).unwrap(), Nodes::read(new, &digests).unwrap());
        let path = |nodes: &Nodes<'_>, id: usize| nodes.location(id).pointer().unwrap();
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
    fn members_go_by_key_and_items_by_what_stayed() {
        let old = r#"{"sku":"HB","qty":2,"tags":["a","b","c"],"gone":{"x":1},"lines":[{"n":1},{"n":2}]}"#;
        let new = r#"{"qty":3,"sku":"HB","tags":["a","x","b","c"],"lines":[{"n":1},{"n":2,"new":true}]}"#;
        let expected = ["~ /qty 2 3", "+ /tags/1 \"x\"", "+ /lines/1/new true", "- /gone {\"x\":1}"];
        assert_eq!(lines(old, new), expected);
        assert_eq!(compare(old, new).counts, Counts { added: 2, removed: 1, changed: 1, respelled: 0 });
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
        let digests = Digests::default();
        let (old, new) = (format!("[{}0]", "1,".repeat(500)), format!("[{}0]", "2,".repeat(500)));
        let (old, new) = (Nodes::read(&old, &digests).unwrap(), Nodes::read(&new, &digests).unwrap());
        let found = changes(&old, &new, &digests, 450, 100);
        assert_eq!((found.listed.len(), found.counts.changed), (50, 500));
        assert_eq!(found.listed[0], Change::Changed { old: 451, new: 451 });
    }

    #[test]
    fn hostile_bodies_are_compared_in_bounded_work() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(400_000), "]".repeat(400_000));
        assert_eq!(compare(&deep("1"), &deep("2")).counts.changed, 1);
        let many = |value: u8| format!("[{}0]", format!("{value},").repeat(500_000));
        let found = compare(&many(1), &many(2));
        assert!(found.by_position);
        assert_eq!(found.counts.changed, 500_000);
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
        let (last, way) = location.first.split_last().unwrap();
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
        let digests = Digests::default();
        let (olds, news) = (Nodes::read(old, &digests).unwrap(), Nodes::read(new, &digests).unwrap());
        let mut value = parsed(old);
        for change in &found {
            if let Change::Changed { old: was, new: is } | Change::Respelled { old: was, new: is } = *change {
                let location = olds.location(was);
                if location.depth == 0 {
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
            match parent(&mut value, &olds.location(was)) {
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
            match parent(&mut value, &news.location(is)) {
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
