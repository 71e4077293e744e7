//! The tree view of a body.
//!
//! A value as a flat list of rows, in the order of the text, so that a template can print it with one loop. A page holds part of
//! a large one; the rest is a link away, but for what is nested deeper than any page shows: that is a link to the text as received.

use crate::web::json_view::location::{MAX_DEPTH, ValueLocation, held_json};
use crate::web::json_view::readable::readable;
use crate::web::json_view::tokens::{Kind, Span, first_bytes};
use crate::web::json_view::walk::{Step, Walk, What};

/// Levels that are open at first: the root and its children.
const EXPANDED_LEVELS: usize = 2;
/// Levels below the first that are shown at once. Browsers get slow, and some give up, on deeper elements.
const MAX_LEVELS: usize = 48;
/// Children of the first container that are shown at once, and of those within it: a long list leaves room for what is after it.
pub(crate) const CHILDREN_SHOWN: usize = 200;
const NESTED_CHILDREN_SHOWN: usize = 50;
/// How much of one key or value is shown, in bytes.
const MAX_TEXT_BYTES: usize = 2_048;
/// How much a tree holds, in bytes of text: what keeps a page light even where compression makes none of it shorter.
pub const TREE_BYTES: usize = 24 * 1024;
/// What a row weighs beside its text.
const ROW_BYTES: usize = 24;

/// The name in an object without its quotes, or the index in an array. Spelled as in the body, escapes not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Key {
    pub text: String,
    /// The place of the key, when only its beginning is shown.
    pub(crate) cut: Option<usize>,
}

/// One line of the tree. Every [`Row::Open`] has exactly one [`Row::Close`] after it, properly nested. At the top of a body there
/// is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Row {
    /// A scalar or an empty container.
    /// `holds_json`: a string with an object or a list in it.
    Leaf { at: usize, key: Option<Key>, value: Span, is_cut: bool, holds_json: bool },
    /// A container; its children follow.
    Open { at: usize, key: Option<Key>, is_object: bool, count: usize, expanded: bool },
    /// The end of the innermost container that is open.
    Close,
    /// Children before those that are shown: the first row after the [`Row::Open`].
    Earlier { at: usize, start: usize, hidden: usize },
    /// Children after those that are shown: the last row before the [`Row::Close`].
    More { at: usize, start: usize, hidden: usize },
    /// Instead of children that are too deep to be shown.
    TooDeep { at: usize },
}

impl Row {
    pub(crate) fn unit(is_object: bool, count: usize) -> &'static str {
        match (is_object, count) {
            (true, 1) => "key",
            (true, _) => "keys",
            (false, 1) => "item",
            (false, _) => "items",
        }
    }
}

/// The tree of the value at a place, with the children of that value from the one with the number `start`, in a number of bytes.
pub fn tree(body: &str, location: &ValueLocation<'_>, start: usize, bytes: usize) -> Vec<Row> {
    let mut builder =
        Builder { rows: Vec::new(), open: Vec::new(), hidden: None, left: bytes, depth: location.way.len(), start };
    for mut step in Walk::from(body, location.at) {
        if let (0, What::Open { .. } | What::Scalar { .. }, Some(child)) = (step.level, step.what, location.child()) {
            (step.index, step.name) = (child.index, child.name);
        }
        builder.take(&step);
    }
    // What a text left open that ends too early.
    builder.rows.extend(std::iter::repeat_n(Row::Close, builder.open.len()));
    builder.rows
}

/// A container around the next value.
struct Open {
    row: usize,
    /// The number of its next child, as long as all since the first were shown.
    next: usize,
    /// Children from this number on are not shown.
    end: usize,
}

struct Builder {
    rows: Vec<Row>,
    open: Vec<Open>,
    /// The level of a container that is not shown, while its values pass.
    hidden: Option<usize>,
    /// How many bytes may still be shown.
    left: usize,
    /// How many containers are around the tree.
    depth: usize,
    start: usize,
}

impl Builder {
    fn take(&mut self, step: &Step<'_>) {
        match (self.hidden, step.what) {
            (Some(level), What::Close { .. }) if level == step.level => self.hidden = None,
            (Some(_), _) => {}
            (None, What::Close { .. }) => self.leave(step.index),
            (None, What::Open { is_object }) if self.fits(step) => {
                let (at, key, expanded) = (step.at, self.key(step), step.level < EXPANDED_LEVELS);
                let (next, shown) =
                    if step.level == 0 { (self.start, CHILDREN_SHOWN) } else { (0, NESTED_CHILDREN_SHOWN) };
                let is_shallow = step.level < MAX_LEVELS && self.depth + step.level < MAX_DEPTH;
                let end = if is_shallow { next.saturating_add(shown) } else { next };
                self.open.push(Open { row: self.rows.len(), next, end });
                self.rows.push(Row::Open { at, key, is_object, count: 0, expanded });
                if next > 0 {
                    self.rows.push(Row::Earlier { at, start: next.saturating_sub(CHILDREN_SHOWN), hidden: next });
                }
            }
            (None, What::Open { .. }) => self.hidden = Some(step.level),
            (None, What::Scalar { kind, text }) if self.fits(step) => {
                let (text, is_cut) = beginning(text);
                let (value, holds_json) = (Span { class: kind.class(), text }, held(step).is_some());
                self.rows.push(Row::Leaf { at: step.at, key: self.key(step), value, is_cut, holds_json });
            }
            (None, What::Scalar { .. }) => {}
        }
    }

    /// Whether a value is shown. A container shows its children without a gap, so after one that does not fit there is none.
    fn fits(&mut self, step: &Step<'_>) -> bool {
        let name = step.name.map_or(0, |name| shown_bytes(name.text));
        let value = if let What::Scalar { text, .. } = step.what { shown_bytes(text) } else { ROW_BYTES };
        let left = self.left.checked_sub(ROW_BYTES + name + value);
        match (self.open.last_mut(), left) {
            (None, _) => self.left = left.unwrap_or(0),
            (Some(around), Some(left)) if around.next == step.index && step.index < around.end => {
                around.next += 1;
                self.left = left;
            }
            _ => return false,
        }
        true
    }

    /// Writes the end of a container, and how many children it has; one without any becomes a leaf.
    fn leave(&mut self, children: usize) {
        let Some(Open { row, next, .. }) = self.open.pop() else { return };
        let is_last = row + 1 == self.rows.len();
        let is_too_deep = self.depth + self.open.len() >= MAX_DEPTH;
        let Some(Row::Open { at, key, is_object, count, .. }) = self.rows.get_mut(row) else { return };
        let at = *at;
        if children == 0 && is_last {
            let text = if *is_object { "{}" } else { "[]" };
            let value = Span { class: Kind::Open.class(), text: text.to_owned() };
            self.rows[row] = Row::Leaf { at, key: key.take(), value, is_cut: false, holds_json: false };
            return;
        }
        *count = children;
        match children.checked_sub(next) {
            Some(1..) if is_too_deep => self.rows.push(Row::TooDeep { at }),
            Some(hidden @ 1..) => self.rows.push(Row::More { at, start: next, hidden }),
            _ => {}
        }
        self.rows.push(Row::Close);
    }

    /// Under what a value stands; nothing for a whole body.
    fn key(&self, step: &Step<'_>) -> Option<Key> {
        match step.name {
            _ if self.depth + step.level == 0 => None,
            None => Some(Key { text: step.index.to_string(), cut: None }),
            Some(name) => {
                let (text, is_cut) = beginning(name.seen());
                Some(Key { text, cut: is_cut.then_some(name.at) })
            }
        }
    }
}

/// The JSON that a string holds.
fn held(step: &Step<'_>) -> Option<String> {
    if let What::Scalar { kind: Kind::Text, text } = step.what { held_json(text) } else { None }
}

/// How much of a text is shown, in bytes. Hidden characters, which are spelled out, count for what they are in the body.
fn shown_bytes(text: &str) -> usize {
    text.len().min(MAX_TEXT_BYTES)
}

/// As much of a text as is shown, and whether that is not all of it.
fn beginning(text: &str) -> (String, bool) {
    let start = first_bytes(text, MAX_TEXT_BYTES);
    (readable(start), start.len() < text.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CHILDREN_SHOWN, Key, MAX_LEVELS, MAX_TEXT_BYTES, ROW_BYTES, Row, Span, TREE_BYTES, tree};
    use crate::domain::escape_invisible::escape_invisible;
    use crate::web::json_view::location::{MAX_DEPTH, ValueLocation};
    use crate::web::json_view::walk::{Walk, What};
    use proptest::collection::{btree_map, vec};
    use proptest::strategy::{Just, Strategy};
    use proptest::test_runner::Config as ProptestConfig;
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};
    use serde_json::Value;

    fn of(body: &str) -> Vec<Row> {
        ValueLocation::top(body).map(|top| tree(body, &top, 0, TREE_BYTES)).unwrap_or_default()
    }

    fn key(text: &str) -> Option<Key> {
        Some(Key { text: text.to_owned(), cut: None })
    }

    fn leaf(at: usize, key: Option<Key>, class: &'static str, text: &str) -> Row {
        Row::Leaf { at, key, value: Span { class, text: text.to_owned() }, is_cut: false, holds_json: false }
    }

    /// Rows of HTML that a browser can read: each container closed once, and a bound to them all.
    fn is_sound(rows: &[Row]) -> bool {
        let mut open = 0_i64;
        let nested = rows.iter().all(|row| {
            open += match row {
                Row::Open { .. } => 1,
                Row::Close => -1,
                _ => 0,
            };
            open >= 0
        });
        nested && open == 0 && rows.len() <= 3 * TREE_BYTES / ROW_BYTES
    }

    #[test]
    fn rows_follow_the_text_and_two_levels_are_open() {
        let body = r#"{"a":1,"b":[true,{"c":null}],"d":{ },"e":"x"}"#;
        let open = |at, key, is_object, count, expanded| Row::Open { at, key, is_object, count, expanded };
        let expected = [
            open(0, None, true, 4, true),
            leaf(5, key("a"), "j-n", "1"),
            open(11, key("b"), false, 2, true),
            leaf(12, key("0"), "j-w", "true"),
            open(17, key("1"), true, 1, false),
            leaf(22, key("c"), "j-w", "null"),
            Row::Close,
            Row::Close,
            leaf(33, key("d"), "j-p", "{}"),
            leaf(41, key("e"), "j-s", "\"x\""),
            Row::Close,
        ];
        assert_eq!(of(body), expected);
        let location = ValueLocation::find(body, 17).unwrap();
        assert_eq!(tree(body, &location, 0, TREE_BYTES)[0], open(17, key("1"), true, 1, true), "a part keeps its name");
    }

    #[test]
    fn a_string_that_holds_json_says_so() {
        let holds = |body: &str| of(body).iter().any(|row| matches!(row, Row::Leaf { holds_json: true, .. }));
        assert!(holds(r#"{"a": "{\"b\": 1}"}"#) && holds(r#""[]""#));
        assert!(!holds(r#"{"a": "{b", "c": "1", "d": []}"#));
    }

    #[test]
    fn a_scalar_is_one_row_and_a_byte_order_mark_is_none() {
        assert_eq!(of("\u{FEFF} -1e99999\n"), [leaf(4, None, "j-n", "-1e99999")]);
        assert_eq!(of(""), []);
    }

    #[test]
    fn duplicate_keys_are_both_shown_and_an_empty_key_can_be_seen() {
        let expected =
            [leaf(5, key("a"), "j-n", "1"), leaf(11, key("a"), "j-n", "2"), leaf(16, key("\"\""), "j-n", "3")];
        assert_eq!(of(r#"{"a":1,"a":2,"":3}"#)[1..4], expected);
    }

    #[test]
    fn hostile_text_stays_text_and_what_hides_is_shown() {
        let rows = of("{\"<script>\u{200B}\": \"\u{202E}</script>\\ud800\\u0000\"}");
        assert_eq!(rows[1], leaf(16, key("<script>\\u200B"), "j-s", r#""\u202E</script>\ud800\u0000""#));
    }

    #[test]
    fn children_beyond_two_hundred_are_a_link_away_in_both_directions() {
        let body = format!("[{}0]", "1,".repeat(999));
        let rows = of(&body);
        assert_eq!(rows.len(), 1 + CHILDREN_SHOWN + 2);
        assert_eq!(rows[CHILDREN_SHOWN + 1], Row::More { at: 0, start: 200, hidden: 800 });
        let rows = tree(&body, &ValueLocation::top(&body).unwrap(), 850, TREE_BYTES);
        assert_eq!(rows[1], Row::Earlier { at: 0, start: 650, hidden: 850 });
        assert_eq!(rows[2], leaf(1 + 2 * 850, key("850"), "j-n", "1"));
        assert_eq!(rows.len(), 2 + 150 + 1);
    }

    #[test]
    fn a_long_list_leaves_room_for_what_is_after_it_and_each_container_says_what_is_left_out() {
        let child = r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}"#;
        let body = format!("{{\"list\":[{}1],\"after\":[{}1]}}", format!("{child},").repeat(100), "7,".repeat(2_000));
        let rows = of(&body);
        assert!(is_sound(&rows));
        assert!(rows.contains(&Row::More { at: 8, start: 50, hidden: 51 }));
        assert!(rows.iter().any(|row| matches!(row, Row::More { start: 50, hidden: 1_951, .. })));
        let full = of(&format!("[{}1]", format!("{child},").repeat(190)));
        let Some([Row::More { start, hidden, .. }, Row::Close]) = full.last_chunk() else { panic!("no bound") };
        assert!((60..190).contains(start) && start + hidden == 191, "{start} and {hidden}");
    }

    #[test]
    fn half_a_million_brackets_end_in_links_further_down_and_then_in_the_text() {
        let body = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        let shown = of(&body);
        assert!(is_sound(&shown));
        assert_eq!(shown[MAX_LEVELS + 1], Row::More { at: MAX_LEVELS, start: 0, hidden: 1 });
        assert_eq!(of(&"[".repeat(500_000)).len(), 2 * (MAX_LEVELS + 1), "also without an end");
        let deep = ValueLocation::find(&body, MAX_DEPTH - 1).unwrap();
        let deep = tree(&body, &deep, 0, TREE_BYTES);
        assert_eq!(deep[2], Row::TooDeep { at: MAX_DEPTH });
        assert!(is_sound(&deep));
    }

    #[test]
    fn of_a_mebibyte_string_the_beginning_is_shown_and_the_whole_is_a_link_away() {
        let body = format!("{{\"{}\":\"{}\"}}", "k".repeat(20_000), "v".repeat(1 << 20));
        let Row::Leaf { at, key: Some(key), value, is_cut: true, .. } = &of(&body)[1] else { panic!("not cut") };
        let long = MAX_TEXT_BYTES;
        assert_eq!((key.text.len(), key.cut, value.text.len()), (long, Some(1), long));
        assert_eq!(ValueLocation::find(&body, *at).unwrap().text(&body).len(), (1 << 20) + 2);
    }

    fn json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            proptest::bool::ANY.prop_map(Value::from),
            proptest::num::i64::ANY.prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            "(?s).{0,12}".prop_map(Value::from),
        ];
        scalar.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                btree_map("[a-z\"\\\\\u{202E}]{1,3}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// What the rows show, without places, to compare with another reader of JSON.
    fn lines(rows: &[Row]) -> Vec<String> {
        let name = |key: &Option<Key>| key.as_ref().map(|key| key.text.clone()).unwrap_or_default();
        let line = |row: &Row| match row {
            Row::Leaf { key, value, .. } => format!("{}: {} {}", name(key), value.class, value.text),
            Row::Open { key, is_object, count, .. } => format!("{}: {is_object} {count}", name(key)),
            other => format!("{other:?}"),
        };
        rows.iter().map(line).collect()
    }

    fn lines_of(value: &Value, name: &str, lines: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
            Value::Object(map) => map.iter().map(|(name, child)| (bare(name), child)).collect(),
            _ => Vec::new(),
        };
        if children.is_empty() {
            let class = match value {
                Value::Null | Value::Bool(_) => "j-w",
                Value::Number(_) => "j-n",
                Value::String(_) => "j-s",
                Value::Array(_) | Value::Object(_) => "j-p",
            };
            return lines.push(format!("{name}: {class} {}", escape_invisible(&value.to_string())));
        }
        lines.push(format!("{name}: {} {}", value.is_object(), children.len()));
        for (name, child) in children {
            lines_of(child, &name, lines);
        }
        lines.push("Close".to_owned());
    }

    fn bare(name: &str) -> String {
        let quoted = escape_invisible(&Value::from(name).to_string()).into_owned();
        quoted[1..quoted.len() - 1].to_owned()
    }

    /// Every value that is shown on some page, following only links.
    fn reached(body: &str, bytes: usize) -> BTreeSet<usize> {
        let (mut seen, mut shown) = (BTreeSet::new(), BTreeSet::new());
        let mut todo: Vec<(usize, usize)> = ValueLocation::top(body).map(|top| (top.at, 0)).into_iter().collect();
        while let Some((at, start)) = todo.pop() {
            if !seen.insert((at, start)) {
                continue;
            }
            let location = ValueLocation::find(body, at).expect("a link leads somewhere");
            for row in tree(body, &location, start, bytes) {
                match row {
                    Row::Leaf { at, is_cut, .. } => {
                        shown.insert(at);
                        assert!(!is_cut || ValueLocation::find(body, at).unwrap().scalar().is_some());
                    }
                    Row::Earlier { at, start, .. } | Row::More { at, start, .. } => todo.push((at, start)),
                    Row::Open { .. } | Row::Close | Row::TooDeep { .. } => {}
                }
            }
        }
        shown
    }

    /// The scalars and the empty containers of a body that are not too deep.
    fn leaves(body: &str) -> BTreeSet<usize> {
        let mut leaves = BTreeSet::new();
        let mut last_open = None;
        for step in Walk::body(body).filter(|step| step.level <= MAX_DEPTH) {
            match step.what {
                What::Scalar { .. } => _ = leaves.insert(step.at),
                What::Open { .. } => last_open = Some(step.at),
                What::Close { .. } if step.index == 0 => leaves.extend(last_open),
                What::Close { .. } => {}
            }
        }
        leaves
    }

    #[test]
    fn every_value_of_large_bodies_is_reached_by_following_links() {
        let wide: String = (0..500).map(|i| format!("\"k{i}\":[{i},{{\"n\":{{}}}}],")).collect();
        let texts: String = (0..60).map(|i| format!("\"{}\",", "x".repeat(100 + i * 50))).collect();
        let deep = |levels| format!("{}\"x\":1{}", "{\"a\":[1,{".repeat(levels), "}],\"b\":{}}".repeat(levels));
        for body in [format!("{{{wide}\"z\":1}}"), format!("[[{texts}1],[{texts}2]]"), format!("{{{}}}", deep(300))] {
            for bytes in [TREE_BYTES, TREE_BYTES / 3] {
                assert!(reached(&body, bytes) == leaves(&body), "{}", &body[..60]);
            }
        }
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \n\x{FEFF}é\x{202E}a-z0-9]|.){0,300}"#;

    proptest! {
        #[test]
        fn any_small_body_has_the_rows_that_another_reader_finds(value in json()) {
            let mut expected = Vec::new();
            lines_of(&value, "", &mut expected);
            prop_assert_eq!(&lines(&of(&value.to_string())), &expected);
            prop_assert_eq!(&lines(&of(&format!("\u{FEFF}{value:#}\n"))), &expected);
        }

        #[test]
        fn any_text_at_all_is_a_sound_tree(body in NEARLY_JSON, start in 0_usize..5) {
            prop_assert!(is_sound(&of(&body)));
            for at in 0..body.len() {
                if let Some(location) = ValueLocation::find(&body, at) {
                    prop_assert!(is_sound(&tree(&body, &location, start, TREE_BYTES)));
                }
            }
        }

        #[test]
        fn any_heap_of_brackets_is_a_sound_tree(body in r"([\[{]|1,|\}|\]){0,3000}") {
            prop_assert!(is_sound(&of(&body)));
        }
    }

    proptest! {
        // Each case reads a long body for every link in it.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_value_of_any_body_is_reached_by_following_links(value in json(), times in 1_usize..260) {
            let body = format!("[{}0]", format!("{value},").repeat(times));
            for bytes in [TREE_BYTES, TREE_BYTES / 3] {
                prop_assert_eq!(reached(&body, bytes), leaves(&body));
            }
        }
    }
}
