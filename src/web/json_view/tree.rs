//! A body as a tree, written as a flat list of rows so that a template can print it with one loop.
//!
//! The words around it ("Show more", "body is cut") are left to the page.

use crate::domain::visible::visible;
use crate::web::json_view::raw::MAX_SHOWN_BYTES;
use crate::web::json_view::tokens::{
    COLLAPSED, Kind, Span, Token, Tokens, closes_at_once, first_bytes, first_chars, without_mark,
};

/// Children shown of one container.
const MAX_CHILDREN: usize = 200;
/// Containers inside one another. Browsers get slow, and some give up, on deeper elements.
const MAX_DEPTH: usize = 64;
/// Rows of the whole tree, those that close a container included.
const MAX_ROWS: usize = 5_000;
/// Characters of one key or value.
const MAX_TEXT_CHARS: usize = 10_000;
/// Levels that are open at first: the root and its children.
const EXPANDED_LEVELS: usize = 2;

/// The rows, and whether the body goes on beyond what they show: it has more bytes than are looked
/// at, or needs more rows than there may be. Children left out because one container has many do
/// not count as that; they have a [`Row::More`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub rows: Vec<Row>,
    pub truncated: bool,
}

/// One line of the tree. Every [`Row::Open`] has exactly one [`Row::Close`] after it, properly
/// nested.
///
/// The key is the name in an object without its quotes, the index in an array, and nothing at the
/// top. Names and strings are spelled as in the body, escapes not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A scalar, an empty container, or a container that is too deep to open.
    Leaf { key: Option<String>, value: Span },
    /// A container; its children follow.
    Open {
        key: Option<String>,
        open_bracket: &'static str,
        close_bracket: &'static str,
        /// All its children, shown or not. Nothing when the body is cut before its end, so that
        /// nobody counted.
        count: Option<usize>,
        /// The word after the count: `key`, `keys`, `item` or `items`.
        unit: &'static str,
        expanded: bool,
    },
    /// The end of the innermost container that is open.
    Close,
    /// Children that are not shown; always the last row before the [`Row::Close`]. Without a number
    /// when the body is cut before the end of the container.
    More { hidden: Option<usize> },
}

/// The tree of the first [`MAX_SHOWN_BYTES`] of the body, in one pass over them.
pub fn tree(body: &str) -> Tree {
    let looked_at = first_bytes(body, MAX_SHOWN_BYTES);
    let cut = looked_at.len() < body.len();
    let mut tokens = Tokens::new(without_mark(looked_at));
    let mut builder = Builder { rows: Vec::new(), open: Vec::new(), key: None, skipped: 0, full: false };
    while let Some(token) = tokens.next() {
        builder.take(token, tokens.rest(), cut);
    }
    while let Some(container) = builder.open.pop() {
        builder.end(&container, None);
    }
    Tree { rows: builder.rows, truncated: cut || builder.full }
}

struct Container {
    /// Where its [`Row::Open`] is, which learns the count at the end.
    row: usize,
    object: bool,
    children: usize,
    shown: usize,
}

struct Builder<'a> {
    rows: Vec<Row>,
    /// The containers around the current token, at most [`MAX_DEPTH`].
    open: Vec<Container>,
    key: Option<&'a str>,
    /// How many containers have to close before tokens count again. Above 0 inside a container that
    /// has no rows of its own.
    skipped: usize,
    /// Set when a row did not fit. A later one that fits would leave a gap unmarked, so none
    /// follows.
    full: bool,
}

impl<'a> Builder<'a> {
    fn take(&mut self, token: Token<'a>, rest: &str, cut: bool) {
        match token.kind {
            Kind::Open if self.skipped > 0 => self.skipped += 1,
            Kind::Close if self.skipped > 0 => self.skipped -= 1,
            _ if self.skipped > 0 => {}
            Kind::Space | Kind::Colon | Kind::Comma => {}
            Kind::Key => self.key = Some(token.text),
            Kind::Open => self.enter(token.text == "{", closes_at_once(rest)),
            Kind::Close => self.leave(),
            Kind::Text | Kind::Number | Kind::Word | Kind::Other => {
                self.leaf(token.kind.class(), token.text, cut && rest.is_empty());
            }
        }
    }

    fn leaf(&mut self, class: &'static str, text: &str, goes_on: bool) {
        if self.admit(1) {
            let key = self.take_key();
            self.rows.push(Row::Leaf { key, value: Span { class, text: shortened(text, goes_on) } });
        }
    }

    fn enter(&mut self, object: bool, empty: bool) {
        let level = self.open.len();
        if empty || level >= MAX_DEPTH {
            self.skipped = 1;
            let (class, text) = match (empty, object) {
                (true, true) => (Kind::Open.class(), "{}"),
                (true, false) => (Kind::Open.class(), "[]"),
                (false, true) => (COLLAPSED, "{…}"),
                (false, false) => (COLLAPSED, "[…]"),
            };
            self.leaf(class, text, false);
        } else if self.admit(3) {
            let key = self.take_key();
            let (open_bracket, close_bracket) = if object { ("{", "}") } else { ("[", "]") };
            let expanded = level < EXPANDED_LEVELS;
            self.open.push(Container { row: self.rows.len(), object, children: 0, shown: 0 });
            self.rows.push(Row::Open {
                key,
                open_bracket,
                close_bracket,
                count: None,
                unit: unit(object, None),
                expanded,
            });
        } else {
            self.skipped = 1;
        }
    }

    fn leave(&mut self) {
        if let Some(container) = self.open.pop() {
            self.end(&container, Some(container.children));
        }
    }

    fn end(&mut self, container: &Container, all: Option<usize>) {
        if let Some(Row::Open { count, unit: word, .. }) = self.rows.get_mut(container.row) {
            *count = all;
            *word = unit(container.object, all);
        }
        if all != Some(container.shown) {
            self.rows.push(Row::More { hidden: all.map(|all| all.saturating_sub(container.shown)) });
        }
        self.rows.push(Row::Close);
    }

    /// Counts a child of the current container, and says whether it gets rows. Each open container
    /// keeps two rows in reserve, for its [`Row::More`] and [`Row::Close`], so a new container asks
    /// for three.
    fn admit(&mut self, rows: usize) -> bool {
        let wanted = self.open.last().is_none_or(|parent| parent.children < MAX_CHILDREN);
        self.full |= wanted && self.rows.len() + 2 * self.open.len() + rows > MAX_ROWS;
        let admitted = wanted && !self.full;
        if let Some(parent) = self.open.last_mut() {
            parent.children += 1;
            parent.shown += usize::from(admitted);
        }
        admitted
    }

    /// The key of the child that was just counted.
    fn take_key(&mut self) -> Option<String> {
        let parent = self.open.last()?;
        if !parent.object {
            return Some(parent.children.saturating_sub(1).to_string());
        }
        let quoted = self.key.take()?;
        let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
        // A name without a character keeps its quotes, or there would be nothing to see.
        Some(shortened(if bare.is_empty() { quoted } else { bare }, false))
    }
}

fn unit(object: bool, count: Option<usize>) -> &'static str {
    match (object, count) {
        (true, Some(1)) => "key",
        (true, _) => "keys",
        (false, Some(1)) => "item",
        (false, _) => "items",
    }
}

fn shortened(text: &str, goes_on: bool) -> String {
    let start = first_chars(text, MAX_TEXT_CHARS);
    let mut shown = visible(start).into_owned();
    if goes_on || start.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{MAX_CHILDREN, MAX_DEPTH, MAX_ROWS, MAX_SHOWN_BYTES, MAX_TEXT_CHARS};
    use super::{Row, Span, Tree, tree, unit};
    use crate::domain::visible::visible;
    use proptest::collection::{btree_map, vec};
    use proptest::strategy::{Just, Strategy};
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};
    use serde_json::Value;

    fn leaf(key: Option<&str>, class: &'static str, text: &str) -> Row {
        Row::Leaf { key: key.map(str::to_owned), value: Span { class, text: text.to_owned() } }
    }

    fn open(key: Option<String>, object: bool, count: Option<usize>, level: usize) -> Row {
        let (open_bracket, close_bracket) = if object { ("{", "}") } else { ("[", "]") };
        let unit = unit(object, count);
        Row::Open { key, open_bracket, close_bracket, count, unit, expanded: level < 2 }
    }

    /// Whether opens and closes match, depth and number stay in bounds, and what is left out stands
    /// right before a close.
    fn is_sound(tree: &Tree) -> bool {
        let mut depth = 0_usize;
        let nested = tree.rows.iter().enumerate().all(|(at, row)| match row {
            Row::Open { .. } => {
                depth += 1;
                depth <= MAX_DEPTH
            }
            Row::Close => {
                depth = depth.wrapping_sub(1);
                depth < MAX_DEPTH
            }
            Row::More { .. } => depth > 0 && tree.rows.get(at + 1) == Some(&Row::Close),
            Row::Leaf { .. } => true,
        });
        nested && depth == 0 && tree.rows.len() <= MAX_ROWS
    }

    #[test]
    fn a_body_becomes_rows_with_keys_counts_and_colours() {
        let shown = tree(r#"{"type" : "x", "lines": [{"qty": 2}, true], "none": null, "e": {}, "f": [ ]}"#);
        let expected = [
            open(None, true, Some(5), 0),
            leaf(Some("type"), "j-s", "\"x\""),
            open(Some("lines".to_owned()), false, Some(2), 1),
            open(Some("0".to_owned()), true, Some(1), 2),
            leaf(Some("qty"), "j-n", "2"),
            Row::Close,
            leaf(Some("1"), "j-w", "true"),
            Row::Close,
            leaf(Some("none"), "j-w", "null"),
            leaf(Some("e"), "j-p", "{}"),
            leaf(Some("f"), "j-p", "[]"),
            Row::Close,
        ];
        assert_eq!(shown, Tree { rows: expected.to_vec(), truncated: false });
    }

    #[test]
    fn a_count_of_one_has_the_singular_word() {
        let units = [unit(true, Some(1)), unit(true, Some(2)), unit(false, Some(1)), unit(false, None)];
        assert_eq!(units, ["key", "keys", "item", "items"]);
    }

    #[test]
    fn a_scalar_is_one_row_and_a_byte_order_mark_is_none() {
        assert_eq!(tree("\u{FEFF} -1e99999\n").rows, [leaf(None, "j-n", "-1e99999")]);
        assert_eq!(tree("").rows, []);
    }

    #[test]
    fn duplicate_keys_are_both_shown_and_an_empty_key_can_be_seen() {
        let rows = tree(r#"{"a":1,"a":2,"":3}"#).rows;
        let values = [leaf(Some("a"), "j-n", "1"), leaf(Some("a"), "j-n", "2"), leaf(Some("\"\""), "j-n", "3")];
        assert_eq!(rows[1..4], values);
        assert_eq!(rows[0], open(None, true, Some(3), 0));
    }

    #[test]
    fn hostile_text_stays_text_and_what_hides_is_shown() {
        let rows = tree("{\"<script>\u{200B}\": \"\u{202E}</script>\\ud800\\u0000\"}").rows;
        assert_eq!(rows[1], leaf(Some("<script>\\u200B"), "j-s", r#""\u202E</script>\ud800\u0000""#));
    }

    #[test]
    fn containers_that_are_too_deep_are_one_row() {
        let shown = tree(&format!("{}[{{}},{{\"a\":1}},[ ]]{}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1)));
        let deepest = [leaf(Some("0"), "j-p", "{}"), leaf(Some("1"), "j-c", "{…}"), leaf(Some("2"), "j-p", "[]")];
        assert_eq!(shown.rows[MAX_DEPTH..MAX_DEPTH + 3], deepest);
        assert!(is_sound(&shown) && !shown.truncated);
    }

    #[test]
    fn half_a_million_brackets_end_in_a_collapsed_row_and_every_container_is_closed() {
        for body in
            ["[".repeat(500_000), format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)), "{\"a\":".repeat(200_000)]
        {
            let shown = tree(&body);
            assert!(is_sound(&shown) && shown.truncated);
            assert_eq!(shown.rows.len(), MAX_DEPTH + 1 + 2 * MAX_DEPTH);
        }
    }

    #[test]
    fn children_beyond_the_bound_are_counted_and_not_shown() {
        let shown = tree(&format!("[{}[1,[2]]]", "{\"a\":[]},".repeat(999)));
        assert_eq!(shown.rows[0], open(None, false, Some(1000), 0));
        assert_eq!(shown.rows.len(), 1 + 3 * MAX_CHILDREN + 2);
        assert_eq!(shown.rows[shown.rows.len() - 2], Row::More { hidden: Some(1000 - MAX_CHILDREN) });
        assert!(is_sound(&shown) && !shown.truncated);
        assert!(!tree(&format!("[{}0]", "1,".repeat(MAX_CHILDREN - 1))).rows.contains(&Row::More { hidden: Some(0) }));
    }

    #[test]
    fn of_a_million_keys_nobody_knows_the_number_because_the_body_is_cut() {
        let shown = tree(&format!("{{{}}}", vec!["\"k\":1"; 1_000_000].join(",")));
        assert_eq!(shown.rows[0], open(None, true, None, 0));
        assert_eq!(shown.rows[MAX_CHILDREN + 1..], [Row::More { hidden: None }, Row::Close]);
        assert!(shown.truncated);
    }

    #[test]
    fn when_the_rows_run_out_each_container_says_how_much_is_hidden() {
        let inner = format!("[{}0]", "1,".repeat(99));
        let shown = tree(&format!("[{}0]", format!("{inner},").repeat(100)));
        assert!(is_sound(&shown) && shown.truncated);
        assert!(shown.rows.len() > MAX_ROWS - 4);
        assert_eq!(shown.rows[0], open(None, false, Some(101), 0));
        let opened = shown.rows.iter().filter(|row| matches!(row, Row::Open { .. })).count();
        assert_eq!(shown.rows[shown.rows.len() - 2], Row::More { hidden: Some(101 - (opened - 1)) });
    }

    #[test]
    fn nothing_is_shown_after_the_first_row_that_did_not_fit_even_if_it_is_shorter() {
        let inner = format!("[{}0],", "1,".repeat(99)).repeat(99);
        // The first array moves the place in an inner one where the rows run out.
        for first in 90..110 {
            let shown = tree(&format!("[[{}0],{inner}\"last\"]", "1,".repeat(first)));
            assert!(shown.truncated);
            assert!(!shown.rows.contains(&leaf(Some("100"), "j-s", "\"last\"")));
        }
    }

    #[test]
    fn a_mebibyte_string_is_cut_with_an_ellipsis_as_key_and_as_value() {
        let long = "a".repeat(1 << 20);
        let value = format!("\"{}…", "a".repeat(MAX_TEXT_CHARS - 1));
        assert_eq!(tree(&format!("\"{long}\"")).rows, [leaf(None, "j-s", &value)]);
        let key = format!("{}…", "a".repeat(MAX_TEXT_CHARS));
        assert_eq!(tree(&format!("{{\"{}\":1}}", &long[..20_000])).rows[1], leaf(Some(&key), "j-n", "1"));
    }

    #[test]
    fn a_value_at_the_cut_says_that_it_goes_on() {
        let body = format!("[{}\"abc\"]", " ".repeat(MAX_SHOWN_BYTES - 3));
        let expected =
            [open(None, false, None, 0), leaf(Some("0"), "j-s", "\"a…"), Row::More { hidden: None }, Row::Close];
        assert_eq!(tree(&body), Tree { rows: expected.to_vec(), truncated: true });
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

    /// The rows of a small body, from another reader of JSON.
    fn rows_of(value: &Value, key: Option<String>, level: usize, rows: &mut Vec<Row>) {
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
            return rows.push(leaf(key.as_deref(), class, &spelled(value)));
        }
        rows.push(open(key, value.is_object(), Some(children.len()), level));
        for (name, child) in children {
            rows_of(child, Some(name), level + 1, rows);
        }
        rows.push(Row::Close);
    }

    fn bare(name: &str) -> String {
        let quoted = spelled(&Value::from(name));
        quoted[1..quoted.len() - 1].to_owned()
    }

    fn spelled(value: &Value) -> String {
        visible(&value.to_string()).into_owned()
    }

    const NEARLY_JSON: &str = r#"(?s)([\[\]{}:,"\\ \n\x{FEFF}é\x{202E}a-z0-9]|.){0,300}"#;

    proptest! {
        #[test]
        fn any_small_body_has_the_rows_that_another_reader_finds(value in json()) {
            let mut rows = Vec::new();
            rows_of(&value, None, 0, &mut rows);
            prop_assert_eq!(&tree(&value.to_string()).rows, &rows);
            prop_assert_eq!(&tree(&format!("\u{FEFF}{value:#}\n")).rows, &rows);
        }

        #[test]
        fn a_cut_body_is_still_a_sound_tree(value in json(), at in 0_usize..400) {
            let body = value.to_string();
            prop_assert!(is_sound(&tree(&body[..body.floor_char_boundary(at)])));
        }

        #[test]
        fn any_text_at_all_is_a_sound_tree(body in NEARLY_JSON) {
            prop_assert!(is_sound(&tree(&body)));
        }

        #[test]
        fn any_heap_of_brackets_is_a_sound_tree(body in r"([\[{]|1,|\}|\]){0,9000}") {
            prop_assert!(is_sound(&tree(&body)));
        }
    }
}
