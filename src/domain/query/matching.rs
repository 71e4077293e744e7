//! Evaluation of a search against an event.
//!
//! The one place that decides whether an event is meant by a search. It reads the body as it was received, once, without making
//! values of it, so any JSON will do: duplicate keys (any of them counts), lone surrogates, numbers of any size, any depth.
//!
//! - A text is in the body as it was received or without its escapes, in any case, or begins the event's id.
//! - Strings are equal when their characters are, without their escapes; they have the order of their characters.
//! - Numbers compare as exact decimals: see [`crate::domain::query::number`].
//! - Values of two kinds are neither equal nor in any order. `!=` asks for a field that is there and nowhere equal.
//! - A list on the way, or at its end, stands for its elements as well: any of them will do.
//! - A string on the way that holds JSON stands for what it holds.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use memchr::memmem;

use crate::domain::event::EventId;
use crate::domain::payload::value_text;
use crate::domain::query::ast::{Condition, Expression, Operator, Piece, Query, Term, Test, Value};
use crate::domain::query::embedded::embedded;
use crate::domain::query::facts::Facts;
use crate::domain::query::json_path::{PathStep, Seen, Visitor, walk};
use crate::domain::query::path_cursor::PathCursor;
use crate::domain::query::{header_matching, number, source_matching, strings};
use crate::domain::request_headers::KeptHeader;

/// How much is read between two times that the meter is told.
const METERED_EVERY: u64 = 64 * 1024;

/// What hears what asking a body costs: bytes, times what is asked about each. Answers whether to go on.
pub(crate) type Meter<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

impl Query {
    /// Whether it holds for a body, which has to be valid JSON.
    pub fn matches(&self, body: &str) -> bool {
        self.matches_event(&Facts::of_body(body))
    }

    /// Whether it holds for an event.
    pub(crate) fn matches_event(&self, event: &Facts<'_>) -> bool {
        self.matches_metered(event, &mut |_| ControlFlow::Continue(())) == Matched::Holds
    }

    /// The same for as long as the meter says so: it is told while the body is read.
    pub(crate) fn matches_metered(&self, event: &Facts<'_>, meter: Meter<'_>) -> Matched {
        let terms = self.root.terms();
        let mut known = vec![None; terms.len()];
        let decided = match self.ask_outside_fields(event, &terms, &mut known, meter) {
            ControlFlow::Break(()) => return Matched::BrokenOff,
            ControlFlow::Continue(decided) => decided,
        };
        if let Some(holds) = decided {
            return Matched::from(holds);
        }
        let mut reading = Reading::new(&self.root, &terms, known, meter);
        walk(value_text(event.body), &mut reading);
        reading.outcome()
    }

    /// What asking a body of this size costs at most, but for comparing long values.
    pub(crate) fn cost(&self, bytes: u64) -> u64 {
        bytes * (1 + self.root.terms().len() as u64)
    }

    /// Asks what needs no walk through the body, the cheapest first, until that decides.
    fn ask_outside_fields(
        &self,
        event: &Facts<'_>,
        terms: &[&Term],
        known: &mut [Option<bool>],
        meter: Meter<'_>,
    ) -> ControlFlow<(), Option<bool>> {
        let mut headers: Option<Vec<KeptHeader>> = None;
        for (term, known) in terms.iter().zip(known.iter_mut()) {
            *known = match term {
                Term::Source(condition) => event.source.map(|source| source_matching::holds(condition, source)),
                Term::Header(condition) => {
                    if headers.is_none() {
                        meter(event.headers.len() as u64)?;
                    }
                    let headers =
                        headers.get_or_insert_with(|| serde_json::from_str(event.headers).unwrap_or_default());
                    Some(header_matching::holds(condition, headers))
                }
                Term::Text(text) => {
                    EventId::beginning_with(text).is_some_and(|ids| ids.contains(&event.id)).then_some(true)
                }
                Term::Field(_) => None,
            };
        }
        let decide = |known: &[Option<bool>]| self.root.decide(&mut known.iter().copied());
        let (mut as_received, mut unescaped) = (None, None);
        for (at, term) in terms.iter().enumerate() {
            let decided = decide(known);
            if decided.is_some() {
                return ControlFlow::Continue(decided);
            }
            if let (Term::Text(text), None) = (term, known[at]) {
                meter(event.body.len() as u64)?;
                let text = strings::folded(text);
                let body = as_received.get_or_insert_with(|| strings::folded(event.body));
                let mut is_in = memmem::find(body, &text).is_some();
                if !is_in && event.body.contains('\\') {
                    meter(event.body.len() as u64)?;
                    let body = unescaped.get_or_insert_with(|| strings::folded_decoded(event.body));
                    is_in = memmem::find(body, &text).is_some();
                }
                known[at] = Some(is_in);
            }
        }
        ControlFlow::Continue(decide(known))
    }
}

/// What became of asking a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    Holds,
    Fails,
    /// The meter did not let it go on.
    BrokenOff,
}

impl From<bool> for Matched {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// One walk through a body for all conditions.
struct Reading<'a, 'm> {
    root: &'a Expression,
    /// What is known of each term.
    known: Vec<Option<bool>>,
    states: Vec<State<'a>>,
    /// How many of them may still be decided, by which every byte costs.
    open: u64,
    /// Whether the search holds, whatever follows.
    decided: Option<bool>,
    unmetered: u64,
    meter: Meter<'m>,
    is_broken_off: bool,
}

impl<'a, 'm> Reading<'a, 'm> {
    fn new(root: &'a Expression, terms: &[&'a Term], known: Vec<Option<bool>>, meter: Meter<'m>) -> Self {
        let conditions = terms.iter().enumerate().filter_map(|(at, term)| match term {
            Term::Field(condition) => Some(State::new(at, condition)),
            _ => None,
        });
        let states: Vec<State> = conditions.collect();
        let open = states.len() as u64;
        Self { root, known, states, open, decided: None, unmetered: 0, meter, is_broken_off: false }
    }

    fn outcome(mut self) -> Matched {
        if self.is_broken_off {
            return Matched::BrokenOff;
        }
        if self.decided.is_none() {
            for state in &self.states {
                self.known[state.term] = Some(state.holds());
            }
            self.decided = self.root.decide(&mut self.known.iter().copied());
        }
        // Everything is known, but where an event came from if nobody has looked: then it is not what was searched for.
        Matched::from(self.decided == Some(true))
    }
}

impl Visitor for Reading<'_, '_> {
    fn enter(&mut self, depth: usize, step: PathStep<'_>) {
        for state in &mut self.states {
            state.at.enter(&state.condition.path, depth, step);
        }
    }

    fn see(&mut self, depth: usize, value: Seen<'_>) {
        let mut is_news = false;
        for state in &mut self.states {
            if let Some(cost) = state.see(depth, value) {
                self.unmetered += cost;
                if state.is_decided() {
                    self.known[state.term] = Some(state.holds());
                    self.open -= 1;
                    is_news = true;
                }
            }
        }
        if is_news {
            self.decided = self.root.decide(&mut self.known.iter().copied());
        }
    }

    fn pass(&mut self, bytes: usize) -> ControlFlow<()> {
        if self.decided.is_some() {
            return ControlFlow::Break(());
        }
        self.unmetered += bytes as u64 * self.open;
        if self.unmetered >= METERED_EVERY {
            let told = (self.meter)(std::mem::take(&mut self.unmetered));
            self.is_broken_off = told.is_break();
            return told;
        }
        ControlFlow::Continue(())
    }
}

/// What is known about one condition so far.
struct State<'a> {
    /// Which of the terms it is.
    term: usize,
    condition: &'a Condition,
    /// The text of `contains`, in one case.
    folded: Option<Vec<u8>>,
    at: PathCursor,
    /// A value stands at the path.
    found: bool,
    /// One of them passed; for `!=` and `not in`, one is equal.
    passed: bool,
}

impl<'a> State<'a> {
    fn new(term: usize, condition: &'a Condition) -> Self {
        let folded = match &condition.test {
            Test::Contains(text) => Some(strings::folded(text)),
            _ => None,
        };
        Self { term, condition, folded, at: PathCursor::new(), found: false, passed: false }
    }

    /// A value begins, `depth` containers deep. Answers with what it cost to ask about it, where it was asked.
    fn see(&mut self, depth: usize, value: Seen<'_>) -> Option<u64> {
        if let (Some(rest @ [_, ..]), Seen::Text(spelled)) = (self.at.rest(&self.condition.path, depth), value) {
            return self.see_embedded(rest, spelled);
        }
        if self.is_decided() || !self.at.is_at_end(&self.condition.path, depth) {
            return None;
        }
        self.found = true;
        self.passed = self.passes(value);
        Some(self.weight())
    }

    /// Goes on with the rest of the path in what a string holds.
    fn see_embedded(&mut self, path: &[Piece], spelled: &str) -> Option<u64> {
        if self.is_decided() {
            return None;
        }
        let Some(text) = embedded(spelled) else { return Some(spelled.len() as u64) };
        let inner = Condition { path: path.to_vec(), test: self.condition.test.clone() };
        let mut inside = Inside(State::new(self.term, &inner));
        walk(&text, &mut inside);
        self.found |= inside.0.found;
        self.passed |= inside.0.passed;
        Some(text.len() as u64 + self.weight())
    }

    /// How much is compared with a value beside the value.
    fn weight(&self) -> u64 {
        let length = |value: &Value| match value {
            Value::Text(text) | Value::Number(text) => text.len() as u64,
            _ => 1,
        };
        match &self.condition.test {
            Test::Contains(text) => text.len() as u64,
            Test::Compare(_, value) => length(value),
            Test::Between(from, to) => length(from) + length(to),
            Test::In(values) | Test::NotIn(values) => values.iter().map(length).sum(),
            Test::Exists | Test::Missing => 1,
        }
    }

    /// Whether what follows makes no difference.
    fn is_decided(&self) -> bool {
        self.passed || self.found && self.condition.test == Test::Missing
    }

    fn passes(&self, seen: Seen<'_>) -> bool {
        match (&self.condition.test, seen) {
            (Test::Exists, _) => true,
            (Test::Missing, _) => false,
            (Test::Contains(_), Seen::Text(spelled)) => {
                let text = self.folded.as_deref().unwrap_or_default();
                memmem::find(&strings::folded_decoded(spelled), text).is_some()
            }
            (Test::Contains(_), _) => false,
            (Test::Compare(operator, value), seen) => compare(value, seen).is_some_and(|order| operator.accepts(order)),
            (Test::Between(from, to), seen) => {
                compare(from, seen).is_some_and(Ordering::is_ge) && compare(to, seen).is_some_and(Ordering::is_le)
            }
            (Test::In(values) | Test::NotIn(values), seen) => {
                values.iter().any(|value| compare(value, seen).is_some_and(Ordering::is_eq))
            }
        }
    }

    fn holds(&self) -> bool {
        match self.condition.test {
            Test::Missing => !self.found,
            Test::Compare(Operator::NotEqual, _) | Test::NotIn(_) => self.found && !self.passed,
            _ => self.passed,
        }
    }
}

/// The walk through what a string holds.
struct Inside<'a>(State<'a>);

impl Visitor for Inside<'_> {
    fn enter(&mut self, depth: usize, step: PathStep<'_>) {
        self.0.at.enter(&self.0.condition.path, depth, step);
    }

    fn see(&mut self, depth: usize, value: Seen<'_>) {
        self.0.see(depth, value);
    }

    fn pass(&mut self, _bytes: usize) -> ControlFlow<()> {
        if self.0.is_decided() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How what was seen compares with a value; `None` for two different kinds.
fn compare(value: &Value, seen: Seen<'_>) -> Option<Ordering> {
    let same = |is_same: bool| is_same.then_some(Ordering::Equal);
    match (value, seen) {
        (Value::Text(text), Seen::Text(spelled)) => Some(strings::compare(spelled, text)),
        (Value::Number(number), Seen::Word(spelled)) => {
            let is_number = spelled.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            is_number.then(|| number::compare(spelled, number))
        }
        (Value::True, Seen::Word(word)) => same(word == "true"),
        (Value::False, Seen::Word(word)) => same(word == "false"),
        (Value::Null, Seen::Word(word)) => same(word == "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use proptest::{prop_assert, prop_assert_eq};
    use serde_json::Value as Json;

    use crate::domain::query::ast::{Piece, Query};
    use crate::domain::query::facts::Facts;
    use crate::domain::query::matching::Matched;

    const BODY: &str = r#"{
        "event": "new_data", "timestamp": "2023-06-15T14:22:10Z", "source": "inventory_system",
        "data": {"product_id": "SKU-12345", "quantity": 25, "location": "Warehouse B", "tags": ["red", "blue"]},
        "items": [{"n": 1}, {"n": 2.50, "ok": true}, null], "gone": null
    }"#;

    fn matches(search: &str, body: &str) -> bool {
        Query::parse(search).unwrap().unwrap().matches(body)
    }

    #[test]
    fn a_string_that_holds_json_stands_for_what_it_holds() {
        let body = r#"{"Message": "{\"detail\": {\"state\": \"ALARM\", \"n\": [1, 2.0]}, \"raw\": \"[\\\"deep\\\"]\"}", "text": "{a"}"#;
        for holds in [
            "Message.detail.state = ALARM",
            "Message.detail.n = 2",
            "Message.detail.n > 1 and Message.raw[0] = deep",
            r#"Message contains "state""#,
            "Message.detail.none not exists",
            "Message.detail.state != OK",
            "text.a not exists",
        ] {
            assert!(matches(holds, body), "{holds}");
        }
        for fails in
            ["Message.detail.state = OK", "Message.detail.state not exists", "Message.detail.n > 2", "text.a exists"]
        {
            assert!(!matches(fails, body), "{fails}");
        }
        assert!(matches("a[1].b = 1", r#""{\"a\": [0, {\"b\": 1}]}""#), "a body that was encoded twice");
    }

    #[test]
    fn conditions_hold_for_the_values_at_their_path() {
        for holds in [
            r#"data.product_id = "SKU-12345""#,
            "data.quantity > 20",
            "data.quantity = 2.5e1 and data.quantity <= 25",
            "event exists",
            "data exists",
            "nothing not exists",
            r#"event != "old_data""#,
            r#"timestamp >= "2023-06-15" timestamp < "2023-06-16""#,
            r#"data.location contains "HOUSE b""#,
            r#"data.tags[] = "blue""#,
            r#"data.tags[0] = "red""#,
            "items[1].ok = true",
            "items[].n = 2.5",
            "items[2] = null",
            "gone = null",
            "gone != 1",
            "$ exists",
            "inventory data.quantity > 1",
            "NEW_DATA",
            "event = new_data",
            "event:new_data",
            r#"data.tags = "red""#,
            "data.tags = blue",
            "items.n = 1",
            "items.n >= 2.5",
            "data.quantity 20..30",
            "data.quantity = ..25",
            "timestamp 2023-06-15..2023-06-16",
            "event in (old_data, new_data)",
            "data.quantity in (1, 25)",
            "event not in (old_data, 1)",
            "event = old_data or data.quantity > 20",
            "not event = old_data",
            "not (event = old_data or gone = 1) items.ok = true",
            "absent OR inventory",
            "data.tags != green",
        ] {
            assert!(matches(holds, BODY), "{holds}");
        }
        for fails in [
            r#"product_id = "SKU-12345""#,
            r#"data.product_id = "sku-12345""#,
            r#"data.quantity = "25""#,
            "data.quantity > 25",
            "event not exists",
            "nothing exists",
            "nothing != 1",
            r#"data.tags[] != "red""#,
            r#"data.tags[2] exists"#,
            r#"data.tags != "red""#,
            "items.n > 2.5",
            "items.n 3..9",
            "event in (old_data, x)",
            "event not in (old_data, new_data)",
            "nothing not in (1, 2)",
            "not data exists",
            "event = old_data or gone = 1",
            "(event = new_data or gone = 1) data.quantity > 25",
            "absent OR nothing",
            "items[0].ok = true",
            "data.quantity.x exists",
            r#"data contains "SKU""#,
            "absent data.quantity > 1",
        ] {
            assert!(!matches(fails, BODY), "{fails}");
        }
    }

    #[test]
    fn any_json_is_read() {
        assert!(matches("a = 1", r#"{"a": 2, "a": 1}"#) && matches("a = 2", r#"{"a": 2, "a": 1}"#));
        assert!(!matches("a != 2", r#"{"a": 2, "a": 1}"#), "nowhere equal");
        assert!(matches(r#"a = "\u0000""#, r#"{"\u0061": "\u0000"}"#));
        assert!(matches(r#"a = "/""#, r#"{"a": "\/"}"#));
        assert!(matches(r#"a >= "a""#, r#"{"a": "\ud800"}"#));
        assert!(matches("a > 1e308", r#"{"a": 1e999999999999999999999}"#));
        assert!(matches("a = 1", "\u{feff}{\"a\":1}") && matches("$ = 1", "\u{feff} 1 "));
        assert!(matches(r#"$ = "x""#, r#""x""#) && matches("[] = 2", "[1,2]") && !matches("[] exists", "[]"));
        assert!(!matches("[0] exists", "[ ]") && !matches("a[0] exists", r#"{"a":[],"b":[1]}"#));
        assert!(matches(r#""" = 1"#, r#"{"": 1}"#));
        let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
        assert!(matches("[0][0] exists", &deep) && !matches("a exists", &deep));
    }

    #[test]
    fn a_text_is_looked_for_in_the_body_as_received_and_by_what_it_means() {
        assert!(matches("ÄPFEL", r#"{"a": "äpfel"}"#));
        assert!(matches(r#"{"A":1"#, r#"{"a":1}"#));
        for (text, spelled) in [
            ("äpfel", r"\u00c4pfel"),
            ("https://shop.example/1", r"https:\/\/shop.example\/1"),
            ("Tom & Jerry", r"Tom \u0026 Jerry"),
            ("🎉", r"\ud83c\udf89"),
            ("say \"hi\"", r#"say \"hi\""#),
            (r"C:\temp", r"C:\\temp"),
        ] {
            assert!(matches(text, &format!("{{\"a\": \"{spelled}\"}}")), "{text}");
            assert!(matches(spelled, &format!("{{\"a\": \"{spelled}\"}}")), "{spelled}");
        }
    }

    // holds A4
    #[test]
    fn what_it_costs_is_told_while_a_body_is_read_and_ends_it() {
        let body = format!("[{}1]", "1,".repeat(500_000));
        let conditions: Vec<String> = (2..22).map(|n| format!("[] != {n}")).collect();
        let query = Query::parse(&conditions.join(" ")).unwrap().unwrap();
        let (mut cost, mut told) = (0, 0);
        let whole = query.matches_metered(&Facts::of_body(&body), &mut |more| {
            (cost, told) = (cost + more, told + 1);
            ControlFlow::Continue(())
        });
        assert_eq!(whole, Matched::Holds);
        assert!(cost >= 20 * 1_000_000 && told > 100, "{cost} told {told} times");
        let mut left = 3;
        let broken_off = query.matches_metered(&Facts::of_body(&body), &mut |more| {
            assert!(more < 2 * super::METERED_EVERY, "{more}");
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((broken_off, left), (Matched::BrokenOff, 0));
        // What is decided costs no more.
        let decided = Query::parse("[] != 1 [] != 2").unwrap().unwrap();
        let told = |_| panic!("the first value decides");
        assert_eq!(decided.matches_metered(&Facts::of_body(&body), &mut { told }), Matched::Fails);
        let holds = Query::parse("[] = 1").unwrap().unwrap();
        assert_eq!(holds.matches_metered(&Facts::of_body(&body), &mut { told }), Matched::Holds);
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            (-3..3_i64).prop_map(Json::from),
            (-3.0..3.0_f64).prop_map(Json::from),
            r#"["\\\n/aéA]{0,3}"#.prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::hash_map(r#"["\\/aé]{0,2}"#, inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    fn at<'a>(value: &'a Json, path: &[Piece]) -> Vec<&'a Json> {
        let elements = |value: &'a Json| value.as_array().into_iter().flatten().flat_map(|v| at(v, path));
        let Some((chunk, rest)) = path.split_first() else {
            return std::iter::once(value).chain(elements(value)).collect();
        };
        match (chunk, value) {
            (Piece::Key(_), Json::Array(_)) => elements(value).collect(),
            (Piece::Key(key), Json::Object(map)) => map.get(key).map(|v| at(v, rest)).unwrap_or_default(),
            (Piece::Index(n), Json::Array(list)) => list.get(*n as usize).map(|v| at(v, rest)).unwrap_or_default(),
            (Piece::Each, Json::Array(list)) => list.iter().flat_map(|v| at(v, rest)).collect(),
            _ => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_parser_that_makes_values(
            value in any_json(),
            pretty: bool,
            path in prop::collection::vec(prop_oneof![
                4 => r#"["\\/aé]{0,2}"#.prop_map(Piece::Key),
                1 => (0..3_u32).prop_map(Piece::Index),
                1 => Just(Piece::Each),
            ], 0..4),
            number in -3..3_i64,
            text in r#"["\\\n/aéA]{0,2}"#,
        ) {
            use crate::domain::query::ast::{Condition, Operator, Term, Test, Value};
            let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let holds = |test: Test| {
                Query::of(Term::Field(Condition { path: path.clone(), test })).matches(&body)
            };
            let found = at(&value, &path);
            prop_assert_eq!(holds(Test::Exists), !found.is_empty());
            prop_assert_eq!(holds(Test::Missing), found.is_empty());
            let equal = Value::Text(text.clone());
            prop_assert_eq!(holds(Test::Compare(Operator::Equal, equal)), found.iter().any(|v| v.as_str() == Some(&text)));
            let less = Value::Number(number.to_string());
            let expected = found.iter().any(|v| v.as_f64().is_some_and(|n| n < number as f64));
            prop_assert_eq!(holds(Test::Compare(Operator::Less, less)), expected);
            for (word, json) in [(Value::True, Json::from(true)), (Value::Null, Json::Null)] {
                let any = found.iter().any(|v| **v == json);
                prop_assert_eq!(holds(Test::Compare(Operator::Equal, word.clone())), any);
                prop_assert_eq!(holds(Test::Compare(Operator::NotEqual, word)), !found.is_empty() && !any);
            }
        }

        #[test]
        fn no_text_makes_it_panic(body in r#"([{}\[\],:"\\a1 é]|.){0,60}"#) {
            for search in ["a exists", "[] = 1", r#"a.a[1] contains "a""#, "[0][0] not exists", "x"] {
                let _ = matches(search, &body);
            }
            prop_assert!(matches("$ not exists", "") && !matches("x = 1", &body));
        }
    }
}
