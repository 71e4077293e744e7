//! The parser of the search language.
//!
//! The language of the search field. Without an operator that something stands before, without `AND` or `OR` in capitals, and where
//! not all of it is conditions, the whole is one text to look for, exactly as it was typed. Else:
//!
//! ```text
//! search    = all { "or" all }
//! all       = one { [ "and" ] one }
//! one       = "not" one | "(" search ")" | text | path test | source ":" value
//! test      = ( "=" | "!=" | "<" | "<=" | ">" | ">=" | ":" ) ( value | range ) | range
//!           | [ "not" ] "in" "(" value { "," value } ")"
//!           | "contains" value | "exists" | "not exists"
//! path      = [ "$" ] piece { piece }        data.items[0].sku, tags[], "key with spaces".id
//!           | "header." name                   header.x-github-event: a header of the request
//! source    = "ip" | "agent" | "credential"
//! range     = [ end ] ".." [ end ]             100..200, 2026-11-01..2026-12-01: both ends are in it
//! value     = string | word | number | "true" | "false" | "null"
//! text      = string | word
//! string    = as JSON spells it, or in single or curved quotes
//! ```
//!
//! Words that mean something here are also words that people search for. So without a sign, an `AND` or an `OR`, they count only where
//! the whole search is made of conditions and strings, or asks for a source or a header. The same goes for the colon: nothing stands between it and
//! its field and value, and what it stands in is no URL, no time and no path of a file. A string alone that has an operator in it is a
//! text without its quotes: the way to search for `a = b`.

use crate::domain::query::ast::{
    Condition, Expression, HEADER, HeaderCondition, Piece, Query, SourceCondition, SourcePart, Term, header_of,
};
use crate::domain::query::error::QueryError;
use crate::domain::query::operators::{
    could_be_condition, has_joining_word, has_operator_outside_quotes, is_operator_char,
};

/// The longest search, in characters.
pub(crate) const MAX_CHARS: usize = 1_000;
/// How many terms it may have.
const MAX_TERMS: usize = 20;
/// How deep parentheses and `not` may stand in one another.
const MAX_NESTED: usize = 16;
/// Words that mean something where a term begins, or behind a text.
const RESERVED: [&str; 6] = ["and", "or", "not", "exists", "contains", "in"];

impl Query {
    /// Understands a search that somebody typed; `None` for one that asks for nothing.
    pub fn parse(text: &str) -> Result<Option<Query>, QueryError> {
        if text.chars().count() > MAX_CHARS && !text.trim().is_empty() {
            let problem = format!("A search has at most {MAX_CHARS} characters. Ask for less");
            return Err(QueryError { column: MAX_CHARS + 1, problem });
        }
        Self::read(text)
    }

    /// Understands a search that was written out, which may be longer than what was typed: what has to be escaped is up to six times
    /// as long.
    pub(crate) fn read(text: &str) -> Result<Option<Query>, QueryError> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let chars: Vec<char> = text.chars().collect();
        let mut parser = Parser::new(&chars);
        if has_operator_outside_quotes(&chars) {
            return parser.search().map(Some);
        }
        let phrase = || Self::of(Term::Text(trimmed.to_owned()));
        let Ok(query) = parser.search() else { return Ok(Some(phrase())) };
        let is_meant = match query.only_text() {
            // In quotes, for what it would mean without them.
            Some(inside) => !parser.has_words && (could_be_condition(inside) || means_more(inside)),
            None => {
                let is_joined = has_joining_word(&chars) || parser.has_sources;
                is_joined || !parser.has_words && (parser.is_joined || has_conditions(&query))
            }
        };
        Ok(Some(if is_meant { query } else { phrase() }))
    }

    /// Understands what was typed as conditions, where it is a text to look for and could be those. Words that stand alone are texts.
    pub(crate) fn read_as_conditions(text: &str) -> Option<Query> {
        let chars: Vec<char> = text.chars().collect();
        Parser::new(&chars).search().ok().filter(has_conditions)
    }
}

fn has_conditions(query: &Query) -> bool {
    query.root.terms().iter().any(|term| !matches!(term, Term::Text(_)))
}

/// Whether a text would be understood as something else than itself.
fn means_more(text: &str) -> bool {
    !matches!(Query::read(text), Ok(Some(query)) if query.only_text() == Some(text))
}

/// Whether a word means something where a name could begin.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

pub(super) struct Parser<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    /// Terms so far.
    terms: usize,
    /// Parentheses that are open, and words `not`.
    pub(super) nested: usize,
    /// A text without quotes was met, or a word that could be one.
    pub(super) has_words: bool,
    /// `and`, `or`, `not` or parentheses were met.
    is_joined: bool,
    /// A source or a header was met, which nobody writes for another reason.
    has_sources: bool,
}

pub(super) type Parsed<T> = Result<T, QueryError>;

impl<'a> Parser<'a> {
    pub(super) fn new(chars: &'a [char]) -> Self {
        Self { chars, at: 0, terms: 0, nested: 0, has_words: false, is_joined: false, has_sources: false }
    }

    fn search(&mut self) -> Parsed<Query> {
        Ok(Query { root: self.any()? })
    }

    fn any(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.all()?];
        loop {
            let start = self.at;
            if !self.take_word("or") {
                break;
            }
            self.is_joined = true;
            self.skip_space();
            if self.is_at_end() {
                return self.fail(start, "Add a condition after “or”");
            }
            parts.push(self.all()?);
        }
        let at = self.at;
        Expression::any(parts).ok_or_else(|| Self::error(at, "Add a condition here"))
    }

    /// Up to an `or`, a parenthesis or the end.
    fn all(&mut self) -> Parsed<Expression> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let joined = self.take_word("and");
            self.is_joined |= joined;
            self.skip_space();
            if joined && parts.is_empty() {
                return self.fail(start, "Add a condition before “and”");
            }
            let ends = self.is_at_end() || self.sees_word("or");
            if ends && joined {
                return self.fail(start, "Add a condition after “and”");
            }
            if ends {
                let problem = match self.peek() {
                    Some(')') => "Add a condition inside the parentheses",
                    Some(_) => "Add a condition before “or”",
                    None => "Add a condition here",
                };
                return Expression::all(parts).ok_or_else(|| Self::error(start, problem));
            }
            parts.push(self.one()?);
            if self.peek().is_some_and(|c| !c.is_whitespace()) && !self.is_at_end() {
                return self.fail(self.at, "Put a space between conditions");
            }
        }
    }

    /// Whether nothing more belongs to what was begun.
    fn is_at_end(&self) -> bool {
        match self.peek() {
            Some(c) => c == ')' && self.nested > 0,
            None => true,
        }
    }

    fn one(&mut self) -> Parsed<Expression> {
        let start = self.at;
        let is_not = self.take_word("not");
        if !is_not && self.peek() != Some('(') {
            return self.term().map(Expression::Term);
        }
        self.is_joined = true;
        if self.nested == MAX_NESTED {
            return self.fail(start, &format!("Nest parentheses and “not” at most {MAX_NESTED} levels deep"));
        }
        self.nested += 1;
        let found = if is_not { self.negated(start) } else { self.in_parentheses(start) };
        self.nested -= 1;
        found
    }

    fn negated(&mut self, start: usize) -> Parsed<Expression> {
        self.skip_space();
        if self.peek().is_none() {
            return self.fail(start, "Add a condition after “not”");
        }
        Ok(match self.one()? {
            Expression::Not(inner) => *inner,
            other => Expression::Not(Box::new(other)),
        })
    }

    fn in_parentheses(&mut self, start: usize) -> Parsed<Expression> {
        self.at += 1;
        let inside = self.any()?;
        if self.peek() != Some(')') {
            return self.fail(start, "This parenthesis is never closed. To search for it, put it in quotes");
        }
        self.at += 1;
        Ok(inside)
    }

    fn term(&mut self) -> Parsed<Term> {
        let start = self.at;
        if self.terms == MAX_TERMS {
            return self.fail(start, &format!("A search has at most {MAX_TERMS} conditions. Leave some out"));
        }
        self.terms += 1;
        match self.peek() {
            Some(c) if is_operator_char(c) || self.looks_at("!=") => {
                let problem = "Put a field before it, as in data.quantity > 20";
                return self.fail(start, &format!("{problem}. To search for a text, put it in quotes"));
            }
            Some(')') => {
                return self.fail(start, "This parenthesis has no opening one. To search for it, put it in quotes");
            }
            Some('“' | '”' | '„') => return self.string().and_then(|text| self.text(start, text)),
            _ => {}
        }
        if let Some(source) = self.source()? {
            self.has_sources = true;
            return Ok(Term::Source(source));
        }
        let path = self.path();
        if let Ok(path) = &path
            && let Some(term) = self.tested(start, path)?
        {
            return Ok(term);
        }
        self.at = start;
        if self.peek() == Some('"') {
            let text = self.string()?;
            return self.text(start, text);
        }
        let word = self.word();
        let end = self.at;
        self.skip_space();
        if self.peek().is_some_and(is_operator_char) || self.looks_at("!=") {
            return Err(path.err().unwrap_or_else(|| self.strange_name(start)));
        }
        self.at = end;
        self.has_words = true;
        Ok(Term::Text(word))
    }

    /// What is asked of a field or a header, where something is.
    fn tested(&mut self, start: usize, path: &[Piece]) -> Parsed<Option<Term>> {
        let header = if self.is_at(start, HEADER) { header_of(path) } else { None };
        let in_quotes = self.chars[start..self.at].contains(&'"');
        let test = match self.colon_test(start, in_quotes)? {
            Some(test) => Some(test),
            None => {
                self.skip_space();
                self.test()?
            }
        };
        self.has_sources |= header.is_some() && test.is_some();
        Ok(test.map(|test| match header {
            Some(name) => Term::Header(HeaderCondition { name, test }),
            None => Term::Field(Condition { path: path.to_vec(), test }),
        }))
    }

    /// `ip:203.0.113.7`: a word of ours, a colon, and a text at once.
    fn source(&mut self) -> Parsed<Option<SourceCondition>> {
        let rest = &self.chars[self.at..];
        let stands_here = |part: &SourcePart| {
            let name: Vec<char> = part.as_str().chars().chain([':']).collect();
            rest.len() > name.len()
                && rest.iter().zip(&name).all(|(a, b)| a.eq_ignore_ascii_case(b))
                && !rest[name.len()].is_whitespace()
        };
        let Some(part) = SourcePart::ALL.into_iter().find(stands_here) else { return Ok(None) };
        self.at += part.as_str().len() + 1;
        let text = self.text_value()?;
        Ok(Some(SourceCondition { part, text }))
    }

    fn text(&self, start: usize, text: String) -> Parsed<Term> {
        if text.is_empty() {
            return self.fail(start, "There is nothing between these quotes");
        }
        Ok(Term::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::MAX_CHARS;
    use crate::domain::query::ast::{
        Condition, Expression, HeaderCondition, Operator, Piece, Query, SourceCondition, SourcePart, Term, Test, Value,
    };

    fn parsed(text: &str) -> Query {
        Query::parse(text).unwrap().unwrap()
    }

    /// The terms of a search in which all have to hold.
    fn terms(text: &str) -> Vec<Term> {
        let query = parsed(text);
        let is_plain = |part: &Expression| matches!(part, Expression::Term(_));
        match &query.root {
            Expression::Term(_) => {}
            Expression::All(parts) => assert!(parts.iter().all(is_plain), "{query:?}"),
            other => panic!("{other:?}"),
        }
        query.root.terms().into_iter().cloned().collect()
    }

    fn key(name: &str) -> Piece {
        Piece::Key(name.to_owned())
    }

    fn condition(path: &[Piece], test: Test) -> Term {
        Term::Field(Condition { path: path.to_vec(), test })
    }

    fn text(text: &str) -> Term {
        Term::Text(text.to_owned())
    }

    #[test]
    fn a_header_is_asked_by_its_name_with_or_without_quotes() {
        let header = |test: Test| Query::of(Term::Header(HeaderCondition { name: "x-event".to_owned(), test }));
        let push = Value::Text("push".to_owned());
        for typed in ["header.x-event = push", "header.X-Event = \"push\"", "header.x-event:push"] {
            assert_eq!(parsed(typed), header(Test::Compare(Operator::Equal, push.clone())), "{typed}");
        }
        assert_eq!(parsed("header.x-event exists"), header(Test::Exists));
        assert_eq!(parsed("header.x-event contains pu"), header(Test::Contains("pu".to_owned())));
        let more = Test::Compare(Operator::Greater, Value::Number("2".to_owned()));
        assert_eq!(parsed("header.x-event > 2"), header(more));
        // A member of the body that is called so.
        let path = [key("header"), key("x-event")];
        let member = Query::of(condition(&path, Test::Exists));
        assert_eq!((parsed("\"header\".x-event exists"), parsed("$.header.x-event exists")), (member.clone(), member));
        for typed in ["header.x-event = \"push\"", "\"header\".x-event exists", "header.x-event != \"a b\" and n = 1"] {
            assert_eq!(parsed(&parsed(typed).to_string()), parsed(typed), "{typed}");
        }
    }

    #[test]
    fn without_an_operator_the_whole_is_one_text_as_typed() {
        for typed in [
            "number 3",
            "100% _p",
            r#""n":12,"#,
            r#"{"event": "new_data"}"#,
            r#""SKU-12345""#,
            "the file exists",
            "nothing contains errors",
            "a and b or (c)",
            "not found",
            r#""unclosed = 1"#,
            "!",
            "it's “quoted”",
            "= 5",
            "<b>bold</b> and class=wide",
            r"C:\temp",
        ] {
            assert_eq!(terms(typed), [text(typed)], "{typed}");
        }
        assert_eq!(terms("  spaced out "), [text("spaced out")]);
        assert_eq!(Query::parse(" \t"), Ok(None));
    }

    #[test]
    fn conditions_are_understood_alone_and_together() {
        let id = [key("data"), key("product_id")];
        let quantity = Test::Compare(Operator::Greater, Value::Number("20".to_owned()));
        let sku = Test::Compare(Operator::Equal, Value::Text("SKU-12345".to_owned()));
        assert_eq!(terms(r#"data.product_id = "SKU-12345""#), [condition(&id, sku.clone())]);
        assert_eq!(terms("event exists"), [condition(&[key("event")], Test::Exists)]);
        assert_eq!(terms("event not exists"), [condition(&[key("event")], Test::Missing)]);
        for joined in [
            "data.quantity>20 \"late\" data.product_id=\"SKU-12345\" AND event exists",
            "data.quantity > 20 and late and data.product_id = \"SKU-12345\" event EXISTS",
        ] {
            let expected = [
                condition(&[key("data"), key("quantity")], quantity.clone()),
                text("late"),
                condition(&id, sku.clone()),
                condition(&[key("event")], Test::Exists),
            ];
            assert_eq!(terms(joined), expected, "{joined}");
        }
    }

    #[test]
    fn what_people_type_is_understood_as_they_mean_it() {
        let field = |name: &str, test: Test| condition(&name.split('.').map(key).collect::<Vec<_>>(), test);
        let is = |name: &str, value: &str| field(name, Test::Compare(Operator::Equal, Value::Text(value.to_owned())));
        let number = |value: &str| Value::Number(value.to_owned());
        for (typed, meant) in [
            ("type = invoice.paid", is("type", "invoice.paid")),
            ("type:order.created", is("type", "order.created")),
            ("type:\"order created\"", is("type", "order created")),
            ("customer = O'Brien", is("customer", "O'Brien")),
            ("customer = 'Ada Lovelace'", is("customer", "Ada Lovelace")),
            ("customer = “Ada Lovelace”", is("customer", "Ada Lovelace")),
            ("größe = 'M'", is("größe", "M")),
            ("data.total:>100", field("data.total", Test::Compare(Operator::Greater, number("100")))),
            ("total 100..200", field("total", Test::Between(number("100"), number("200")))),
            ("total:100..200", field("total", Test::Between(number("100"), number("200")))),
            ("total = 100..", field("total", Test::Compare(Operator::GreaterOrEqual, number("100")))),
            ("total = ..2e3", field("total", Test::Compare(Operator::LessOrEqual, number("2e3")))),
            ("at 2026-11-01..2026-12-01", {
                let date = |date: &str| Value::Text(date.to_owned());
                field("at", Test::Between(date("2026-11-01"), date("2026-12-01")))
            }),
            ("version = \"1..2\"", is("version", "1..2")),
            ("when > 2023-06-15", {
                field("when", Test::Compare(Operator::Greater, Value::Text("2023-06-15".to_owned())))
            }),
            ("status in (paid, \"in part\",3)", {
                let values = ["paid", "in part"].map(|text| Value::Text(text.to_owned()));
                field("status", Test::In([values.to_vec(), vec![number("3")]].concat()))
            }),
            ("x = 1 or a contains b", field("a", Test::Contains("b".to_owned()))),
        ] {
            assert!(parsed(typed).root.terms().contains(&&meant), "{typed}: {:?}", parsed(typed));
            assert!(parsed(typed).root.terms().len() <= 2, "{typed}");
        }
        let source = |part, text: &str| Term::Source(SourceCondition { part, text: text.to_owned() });
        assert_eq!(terms("ip:203.0.113.7"), [source(SourcePart::Ip, "203.0.113.7")]);
        assert_eq!(terms("Agent:\"curl 8\" late"), [source(SourcePart::Agent, "curl 8"), text("late")]);
        assert_eq!(terms("agent = curl"), [is("agent", "curl")], "a field of the body");
    }

    #[test]
    fn conditions_are_joined_by_and_or_not_and_parentheses() {
        for (typed, written) in [
            ("a = 1 or b = 2", "a = 1 or b = 2"),
            ("a = 1 OR b = 2 and c = 3", "a = 1 or b = 2 c = 3"),
            ("(a = 1 or b = 2) and c = 3", "(a = 1 or b = 2) c = 3"),
            ("NOT a = 1", "not a = 1"),
            ("not (a = 1 or not b = 2)", "not (a = 1 or not b = 2)"),
            ("not not a = 1", "a = 1"),
            ("refund OR chargeback", "\"refund\" or \"chargeback\""),
            ("refund AND late", "\"refund\" and \"late\""),
            ("((a exists)) or ((b exists) or c exists)", "a exists or b exists or c exists"),
            ("NOT \"refund\"", "not \"refund\""),
            ("a not in (x, 1)", "a not in (\"x\", 1)"),
            ("(status=paid OR status=open)", "status = \"paid\" or status = \"open\""),
        ] {
            assert_eq!(parsed(typed).to_string(), written, "{typed}");
            assert_eq!(parsed(written), parsed(typed), "{typed}");
        }
        let deep = |depth: usize| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Query::parse(&deep(16)).is_ok() && Query::parse(&deep(17)).is_err());
        assert!(Query::parse(&format!("{}a = 1", "not ".repeat(200))).is_err());
    }

    #[test]
    fn what_reads_as_a_sentence_or_an_address_stays_a_text() {
        for typed in [
            "https://shop.example/orders?id=17&a=b",
            "http://localhost:8080/",
            "10:30",
            "2026-11-23T08:41:12Z",
            "Error: connection lost",
            "note:the disk was full",
            "arn:aws:s3:::bucket",
            r"C:\temp",
            "NOT FOUND",
            "to be or not to be",
            "put in (the box)",
            "pages 1..5 were read",
            "total in",
            "(c) 2026",
            "mailto:ada@example.com and others",
            r#"{"type":"order"}"#,
        ] {
            assert_eq!(terms(typed), [text(typed)], "{typed}");
        }
        assert_eq!(terms("\"10 OR 12\""), [text("10 OR 12")], "in quotes, for what it would mean without");
    }

    #[test]
    fn a_path_leads_anywhere() {
        let path = |typed: &str| match terms(&format!("{typed} = null")).remove(0) {
            Term::Field(condition) => condition.path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("items[0].sku"), [key("items"), Piece::Index(0), key("sku")]);
        assert_eq!(path("[][2]"), [Piece::Each, Piece::Index(2)]);
        assert_eq!(path("$"), []);
        assert_eq!(path("$.a"), [key("a")]);
        assert_eq!(path("$[].a"), [Piece::Each, key("a")]);
        assert_eq!(path(r#""with space"."x.y".größe"#), [key("with space"), key("x.y"), key("größe")]);
        assert_eq!(path(r#""$""#), [key("$")]);
        assert_eq!(path(r#"a."\u0000\"""#), [key("a"), key("\0\"")]);
        assert_eq!(path(r#""and""#), [key("and")]);
    }

    #[test]
    fn a_text_with_an_operator_is_searched_for_in_quotes() {
        assert_eq!(terms(r#""a = b""#), [text("a = b")]);
        assert_eq!(terms(r#""event exists""#), [text("event exists")]);
        assert_eq!(terms(r#""\"a = b\"""#), [text("\"a = b\"")]);
    }

    #[test]
    fn an_error_names_the_column_and_what_to_write() {
        for (typed, column, words) in [
            ("a = 1 = 5", 7, "Put a field before it"),
            ("a = ", 5, "Add a value"),
            ("a == 1", 3, "Write = instead of =="),
            ("a <> 1", 3, "Write != instead of <>"),
            ("a => 1", 3, "Write >= instead of =>"),
            ("a < true", 5, "Only numbers and texts"),
            ("a = 1 and", 7, "condition after “and”"),
            ("and a = 1", 1, "condition before “and”"),
            ("a = \"x", 5, "never closed"),
            (r#"a = "x\q""#, 7, "Unknown escape"),
            (r#"a = "x"b = 1"#, 8, "Put a space"),
            ("items[x] = 1", 7, "counted from 0"),
            ("items[-1] = 1", 7, "counted from 0"),
            ("items[1 = 1", 7, "Close the bracket"),
            ("a. = 1", 3, "field name after the dot"),
            (r#"a = 1 """#, 7, "There is nothing"),
            ("a contains b = 1", 14, "Put a field before it"),
            ("a = 1 or", 7, "condition after “or”"),
            ("or a = 1", 1, "condition before “or”"),
            ("a = 1 and or b = 2", 7, "condition after “and”"),
            ("not a = 1 not", 11, "condition after “not”"),
            ("(a = 1", 1, "never closed"),
            ("a = 1 ) b = 2", 7, "has no opening one"),
            ("() a = 1", 2, "condition inside the parentheses"),
            ("a in (1 2) b = 1", 9, "a comma between values"),
            ("a in (1, 2 b = 1", 12, "a comma between values"),
            ("a = 1 b in (1", 12, "never closed"),
            ("a = 1 ip:\"\"", 10, "There is nothing"),
            ("a = 1 ” b", 7, "never closed"),
        ] {
            let error = Query::parse(typed).expect_err(typed);
            assert_eq!(error.column, column, "{typed}: {error}");
            assert!(error.problem.contains(words), "{typed}: {error}");
        }
        let long = "x".repeat(MAX_CHARS + 1);
        assert_eq!(Query::parse(&long).unwrap_err().column, MAX_CHARS + 1);
        assert_eq!(Query::parse(&"a=1 ".repeat(21)).unwrap_err().column, 81);
        assert!(Query::parse(&format!("a{} = 1", "[]".repeat(40))).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_understood_or_explained(
            typed in r#"([ab.,:\[\]"\\=<>!$()'0-9 é“”]|exists|not |and | OR | or | in \(|\.\.|ip:|contains |true|.){0,30}"#
        ) {
            match Query::parse(&typed) {
                Ok(Some(query)) => prop_assert_eq!(Query::parse(&query.to_string()), Ok(Some(query.clone())), "{}", query),
                Ok(None) => prop_assert_eq!(typed.trim(), ""),
                Err(error) => {
                    let columns = 1..=typed.chars().count() + 1;
                    proptest::prop_assert!(columns.contains(&error.column), "{}", error);
                }
            }
        }
    }
}
