//! The tree view of a body.
//!
//! A value as a tree, written as a flat list of rows so that a template can print it with one loop. A page holds part of a large
//! one; the rest is a link away, so that every value of any body can be reached.
//!
//! How much fits is decided in `extent`; the words around it are left to the page.

use crate::domain::escape_invisible::escape_invisible;
use crate::web::json_view::extent::{CHILDREN_SHOWN, Extent, MAX_LEVELS, Reservation, Used, extent, is_shown};
use crate::web::json_view::location::ValueLocation;
use crate::web::json_view::tokens::{Kind, Span, first_bytes};
use crate::web::json_view::walk::{Step, Walk, What};

/// Levels that are open at first: the root and its children.
const EXPANDED_LEVELS: usize = 2;

/// The rows, and where to find what is far below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub rows: Vec<Row>,
    /// How many levels there are below the first, and where the deepest value is, when that is more than a page shows.
    pub deepest: Option<(usize, usize)>,
}

/// The name in an object without its quotes, or the index in an array. Spelled as in the body, escapes not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    /// The place of the key, when only its beginning is shown.
    pub cut: Option<usize>,
}

/// One line of the tree. Every [`Row::Open`] has exactly one [`Row::Close`] after it, properly nested. At the top of a body there
/// is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A scalar or an empty container.
    Leaf { at: usize, key: Option<Key>, value: Span, is_cut: bool },
    /// A container; its children follow.
    Open { at: usize, key: Option<Key>, is_object: bool, count: usize, expanded: bool },
    /// A container whose children are not on this page.
    Closed { at: usize, key: Option<Key>, is_object: bool, count: usize },
    /// The end of the innermost container that is open.
    Close,
    /// Children before those that are shown: the first row after the [`Row::Open`].
    Earlier { at: usize, start: usize, hidden: usize },
    /// Children after those that are shown: the last row before the [`Row::Close`].
    More { at: usize, start: usize, hidden: usize },
}

impl Row {
    pub fn unit(is_object: bool, count: usize) -> &'static str {
        match (is_object, count) {
            (true, 1) => "key",
            (true, _) => "keys",
            (false, 1) => "item",
            (false, _) => "items",
        }
    }
}

/// The tree of the value at a place, with the children of that value from the one with the number `start`.
pub fn tree(body: &str, location: &ValueLocation<'_>, start: usize, budget: Reservation) -> Tree {
    let extent = extent(body, location.at, start, budget);
    let mut builder = Builder {
        rows: Vec::new(),
        open: Vec::new(),
        left_out: None,
        trial: None,
        used: extent.used,
        start,
        budget,
        extent,
    };
    for mut step in Walk::from(body, location.at) {
        let ends = matches!(step.what, What::Close { .. });
        if let (0, false, Some(child)) = (step.level, ends, location.child()) {
            (step.index, step.name) = (child.index, child.name);
        }
        let has_key = step.level > 0 || location.depth > 0;
        builder.take(&step, has_key);
    }
    builder.finish();
    let deepest = Some(extent.deepest).filter(|(level, _)| *level > MAX_LEVELS);
    Tree { rows: builder.rows, deepest }
}

/// What may turn out not to fit: the children of one container below the levels that do.
struct Trial {
    /// The row of the container.
    row: usize,
    used_before: Used,
}

struct Builder {
    rows: Vec<Row>,
    /// The rows of the containers around the next value.
    open: Vec<usize>,
    /// The level of a container without rows of its own, while its values pass, and its row if it has one.
    left_out: Option<(usize, Option<usize>)>,
    trial: Option<Trial>,
    used: Used,
    start: usize,
    budget: Reservation,
    extent: Extent,
}

impl Builder {
    fn take(&mut self, step: &Step<'_>, has_key: bool) {
        match (self.left_out, step.what) {
            (Some((level, row)), What::Close { .. }) if level == step.level => {
                self.left_out = None;
                if let Some(row) = row {
                    self.set_count(row, step.index);
                }
            }
            (Some(_), _) => {}
            (None, What::Close { .. }) => self.leave(step.index),
            (None, What::Open { .. }) if !is_shown(step.level, step.index, self.start) => {
                self.left_out = Some((step.level, None));
            }
            (None, What::Scalar { .. }) if !is_shown(step.level, step.index, self.start) => {}
            (None, What::Open { is_object }) => self.enter(step, is_object, self.key(step, has_key)),
            (None, What::Scalar { kind, text }) => {
                let (shown, is_cut) = self.beginning(text);
                let value = Span { class: kind.class(), text: shown };
                self.add(step, Row::Leaf { at: step.at, key: self.key(step, has_key), value, is_cut });
            }
        }
    }

    fn enter(&mut self, step: &Step<'_>, is_object: bool, key: Option<Key>) {
        let (at, level) = (step.at, step.level);
        let may_try = level == self.extent.levels && level < MAX_LEVELS && self.trial.is_none();
        if level < self.extent.levels || may_try {
            if !self.add(step, Row::Open { at, key, is_object, count: 0, expanded: level < EXPANDED_LEVELS }) {
                return;
            }
            let row = self.rows.len() - 1;
            if may_try {
                self.trial = Some(Trial { row, used_before: self.used });
            }
            self.open.push(row);
            if level == 0 && self.start > 0 {
                let start = self.start.saturating_sub(CHILDREN_SHOWN);
                self.rows.push(Row::Earlier { at, start, hidden: self.start });
            }
        } else if self.add(step, Row::Closed { at, key, is_object, count: 0 }) {
            self.left_out = Some((level, Some(self.rows.len() - 1)));
        }
    }

    /// Writes a row. `false` when it belongs to a trial and did not fit, which ends the trial.
    fn add(&mut self, step: &Step<'_>, row: Row) -> bool {
        if step.level > self.extent.levels {
            let limit = self.extent.max_text_bytes;
            let value = if let What::Scalar { text, .. } = step.what { text.len() } else { 0 };
            self.used.rows += 1;
            self.used.text_bytes += value.min(limit) + step.name.map_or(0, |name| name.text.len().min(limit));
            if !self.used.fits(self.budget) {
                self.give_up(step.level);
                return false;
            }
        }
        self.rows.push(row);
        true
    }

    /// Takes back the children of the container that is tried, at the level above that of a value that did not fit.
    fn give_up(&mut self, level: usize) {
        let Some(trial) = self.trial.take() else { return };
        self.used = trial.used_before;
        self.rows.truncate(trial.row + 1);
        self.open.pop();
        if let Some(row) = self.rows.last_mut()
            && let Row::Open { at, key, is_object, .. } = row
        {
            *row = Row::Closed { at: *at, key: key.take(), is_object: *is_object, count: 0 };
        }
        self.left_out = Some((level - 1, Some(trial.row)));
    }

    fn leave(&mut self, children: usize) {
        let Some(row) = self.open.pop() else { return };
        self.trial = self.trial.take().filter(|trial| trial.row != row);
        let start = if self.open.is_empty() { self.start } else { 0 };
        let shown_up_to = start.saturating_add(CHILDREN_SHOWN);
        if let Some(Row::Open { at, .. }) = self.rows.get(row)
            && children > shown_up_to
        {
            self.rows.push(Row::More { at: *at, start: shown_up_to, hidden: children - shown_up_to });
        }
        self.rows.push(Row::Close);
        self.set_count(row, children);
    }

    /// Writes down how many children a container has; one without any becomes a leaf.
    fn set_count(&mut self, row: usize, children: usize) {
        let is_last = row + 2 >= self.rows.len();
        match self.rows.get_mut(row) {
            Some(Row::Open { at, key, is_object, .. } | Row::Closed { at, key, is_object, .. })
                if children == 0 && is_last =>
            {
                let text = if *is_object { "{}" } else { "[]" };
                let value = Span { class: Kind::Open.class(), text: text.to_owned() };
                let leaf = Row::Leaf { at: *at, key: key.take(), value, is_cut: false };
                self.rows.truncate(row);
                self.rows.push(leaf);
            }
            Some(Row::Open { count, .. } | Row::Closed { count, .. }) => *count = children,
            _ => {}
        }
    }

    /// Closes what a text left open that ends too early.
    fn finish(&mut self) {
        while self.open.pop().is_some() {
            self.rows.push(Row::Close);
        }
    }

    fn key(&self, step: &Step<'_>, has_key: bool) -> Option<Key> {
        let name = match step.name {
            _ if !has_key => return None,
            None => return Some(Key { text: step.index.to_string(), cut: None }),
            Some(name) => name,
        };
        let (text, is_cut) = self.beginning(name.seen());
        Some(Key { text, cut: is_cut.then_some(name.at) })
    }

    /// As much of a text as may be shown, and whether that is not all of it.
    fn beginning(&self, text: &str) -> (String, bool) {
        let start = first_bytes(text, self.extent.max_text_bytes);
        (escape_invisible(start).into_owned(), start.len() < text.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Key, Row, Span, Tree, tree};
    use crate::domain::escape_invisible::escape_invisible;
    use crate::web::json_view::extent::{CHILDREN_SHOWN, MAX_LEVELS, Reservation};
    use crate::web::json_view::location::{Found, ValueLocation};
    use crate::web::json_view::walk::{Walk, What};
    use proptest::collection::{btree_map, vec};
    use proptest::strategy::{Just, Strategy};
    use proptest::test_runner::Config as ProptestConfig;
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};
    use serde_json::Value;

    fn of(body: &str) -> Tree {
        ValueLocation::top(body)
            .map_or(Tree { rows: Vec::new(), deepest: None }, |top| tree(body, &top, 0, Reservation::FULL))
    }

    fn key(text: &str) -> Option<Key> {
        Some(Key { text: text.to_owned(), cut: None })
    }

    fn leaf(at: usize, key: Option<Key>, class: &'static str, text: &str) -> Row {
        Row::Leaf { at, key, value: Span { class, text: text.to_owned() }, is_cut: false }
    }

    /// Rows of HTML that a browser can read: each container closed once, and a bound to them all.
    fn is_sound(tree: &Tree) -> bool {
        let mut open = 0_i64;
        let nested = tree.rows.iter().all(|row| {
            open += match row {
                Row::Open { .. } => 1,
                Row::Close => -1,
                _ => 0,
            };
            open >= 0
        });
        nested && open == 0 && tree.rows.len() <= 3 * Reservation::FULL.rows
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
        assert_eq!(of(body).rows, expected);
        let location = ValueLocation::find(body, 17).unwrap();
        assert_eq!(
            tree(body, &location, 0, Reservation::FULL).rows[0],
            open(17, key("1"), true, 1, true),
            "a part keeps its name"
        );
    }

    #[test]
    fn a_scalar_is_one_row_and_a_byte_order_mark_is_none() {
        assert_eq!(of("\u{FEFF} -1e99999\n").rows, [leaf(4, None, "j-n", "-1e99999")]);
        assert_eq!(of("").rows, []);
    }

    #[test]
    fn duplicate_keys_are_both_shown_and_an_empty_key_can_be_seen() {
        let expected =
            [leaf(5, key("a"), "j-n", "1"), leaf(11, key("a"), "j-n", "2"), leaf(16, key("\"\""), "j-n", "3")];
        assert_eq!(of(r#"{"a":1,"a":2,"":3}"#).rows[1..4], expected);
    }

    #[test]
    fn hostile_text_stays_text_and_what_hides_is_shown() {
        let rows = of("{\"<script>\u{200B}\": \"\u{202E}</script>\\ud800\\u0000\"}").rows;
        assert_eq!(rows[1], leaf(16, key("<script>\\u200B"), "j-s", r#""\u202E</script>\ud800\u0000""#));
    }

    #[test]
    fn children_beyond_two_hundred_are_a_link_away_in_both_directions() {
        let body = format!("[{}0]", "1,".repeat(999));
        let rows = of(&body).rows;
        assert_eq!(rows.len(), 1 + CHILDREN_SHOWN + 2);
        assert_eq!(rows[CHILDREN_SHOWN + 1], Row::More { at: 0, start: 200, hidden: 800 });
        let rows = tree(&body, &ValueLocation::top(&body).unwrap(), 850, Reservation::FULL).rows;
        assert_eq!(rows[1], Row::Earlier { at: 0, start: 650, hidden: 850 });
        assert_eq!(rows[2], leaf(1 + 2 * 850, key("850"), "j-n", "1"));
        assert_eq!(rows.len(), 2 + 150 + 1);
    }

    #[test]
    fn when_not_all_children_fit_they_are_all_there_and_the_first_are_open() {
        let child = r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}"#;
        let body = format!("[{}{{}},{child}]", format!("{child},").repeat(100));
        let rows = of(&body).rows;
        let closed = rows.iter().filter(|row| matches!(row, Row::Closed { count: 9, .. })).count();
        let open = rows.iter().filter(|row| matches!(row, Row::Open { count: 9, .. })).count();
        assert_eq!(open + closed, 101);
        assert!(open > 40 && closed > 40, "{open} open, {closed} closed");
        assert!(rows.contains(&leaf(1 + 100 * (child.len() + 1), key("100"), "j-p", "{}")));
        assert!(is_sound(&of(&body)));
    }

    #[test]
    fn half_a_million_brackets_end_in_a_link_further_down() {
        let body = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        let shown = of(&body);
        assert!(is_sound(&shown));
        assert_eq!(shown.rows[MAX_LEVELS], Row::Closed { at: MAX_LEVELS, key: key("0"), is_object: false, count: 1 });
        assert_eq!(shown.deepest, Some((499_999, 499_999)));
        assert_eq!(of(&"[".repeat(500_000)).rows.len(), shown.rows.len(), "also without an end");
    }

    #[test]
    fn of_a_mebibyte_string_the_beginning_is_shown_and_the_whole_is_a_link_away() {
        let body = format!("{{\"{}\":\"{}\"}}", "k".repeat(20_000), "v".repeat(1 << 20));
        let Row::Leaf { at, key: Some(key), value, is_cut: true } = &of(&body).rows[1] else { panic!("not cut") };
        assert_eq!((key.text.len(), key.cut, value.text.len()), (4_096, Some(1), 4_096));
        assert!(
            matches!(ValueLocation::find(&body, *at).unwrap().found, Found::Scalar { text, .. } if text.len() == (1 << 20) + 2)
        );
        assert!(matches!(ValueLocation::find(&body, 1).unwrap().found, Found::Key { text } if text.len() == 20_002));
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
    fn lines(tree: &Tree) -> Vec<String> {
        let name = |key: &Option<Key>| key.as_ref().map(|key| key.text.clone()).unwrap_or_default();
        let line = |row: &Row| match row {
            Row::Leaf { key, value, .. } => format!("{}: {} {}", name(key), value.class, value.text),
            Row::Open { key, is_object, count, .. } => format!("{}: {is_object} {count}", name(key)),
            other => format!("{other:?}"),
        };
        tree.rows.iter().map(line).collect()
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
    fn reached(body: &str, budget: Reservation) -> BTreeSet<usize> {
        let (mut seen, mut shown) = (BTreeSet::new(), BTreeSet::new());
        let mut todo: Vec<(usize, usize)> = ValueLocation::top(body).map(|top| (top.at, 0)).into_iter().collect();
        while let Some((at, start)) = todo.pop() {
            if !seen.insert((at, start)) {
                continue;
            }
            let location = ValueLocation::find(body, at).expect("a link leads somewhere");
            for row in tree(body, &location, start, budget).rows {
                match row {
                    Row::Leaf { at, is_cut, .. } => {
                        shown.insert(at);
                        assert!(
                            !is_cut || matches!(ValueLocation::find(body, at).unwrap().found, Found::Scalar { .. })
                        );
                    }
                    Row::Closed { at, .. } => todo.push((at, 0)),
                    Row::Earlier { at, start, .. } | Row::More { at, start, .. } => todo.push((at, start)),
                    Row::Open { .. } | Row::Close => {}
                }
            }
        }
        shown
    }

    /// The scalars and the empty containers of a body.
    fn leaves(body: &str) -> BTreeSet<usize> {
        let mut leaves = BTreeSet::new();
        let mut last_open = None;
        for step in Walk::body(body) {
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
        let wide: String = (0..1_500).map(|i| format!("\"k{i}\":[{i},{{\"n\":{{}}}}],")).collect();
        let texts: String = (0..450).map(|i| format!("\"{}\",", "x".repeat(100 + i * 7))).collect();
        let deep = |levels| format!("{}\"x\":1{}", "{\"a\":[1,{".repeat(levels), "}],\"b\":{}}".repeat(levels));
        for body in [format!("{{{wide}\"z\":1}}"), format!("[[{texts}1],[{texts}2]]"), format!("{{{}}}", deep(300))] {
            for budget in [Reservation::FULL, Reservation::SMALLER[2]] {
                assert!(reached(&body, budget) == leaves(&body), "{}", &body[..60]);
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
                    prop_assert!(is_sound(&tree(&body, &location, start, Reservation::FULL)));
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
            for budget in [Reservation::FULL, Reservation::SMALLER[2]] {
                prop_assert_eq!(reached(&body, budget), leaves(&body));
            }
        }
    }
}
