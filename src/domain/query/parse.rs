//! The parser of the search language.
//!
//! The language of the search field. Without an operator that something stands before, the whole is one text to look for, exactly as it
//! was typed. With one:
//!
//! ```text
//! search    = term { [ "and" ] term }
//! term      = text | path test
//! test      = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!           | "contains" string | "exists" | "not exists"
//! path      = [ "$" ] piece { piece }        data.items[0].sku, tags[], "key with spaces".id
//!           | "header." name                   header.x-github-event: a header of the request, whose value needs no quotes
//! value     = string | number | "true" | "false" | "null"       as JSON spells them
//! text      = string | word
//! ```
//!
//! `exists` and `contains` are words that people also search for, so without one of the signs they count only where the whole
//! search is made of conditions and strings. A string alone that has an operator in it is a text without its quotes: the way to
//! search for `a = b`.

use crate::domain::query::ast::{Condition, HeaderCondition, Operator, Piece, Query, Term, Test, Value};
use crate::domain::query::error::QueryError;
use crate::domain::query::number::is_number;
use crate::domain::query::operators::{
    could_be_condition, has_operator_outside_quotes, is_name_char, is_operator_char,
};
use crate::domain::query::strings::quoted;

/// The longest search, in characters.
pub(crate) const MAX_CHARS: usize = 1_000;
/// How many terms it may have.
const MAX_TERMS: usize = 20;
/// How many pieces a path may have.
const MAX_PIECES: usize = 32;
/// What stands before the name of a request header.
pub(crate) const HEADER: &str = "header.";
/// How much of what was typed an error repeats, in characters.
const MAX_REPEATED_CHARS: usize = 30;
/// Words that mean something where a term begins.
const RESERVED: [&str; 3] = ["and", "or", "not"];

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
        let mut parser = Parser { chars: &chars, at: 0, has_words: false, takes_words: false };
        if has_operator_outside_quotes(&chars) {
            return parser.terms().map(Some);
        }
        let terms = match parser.terms() {
            Ok(query)
                if !parser.has_words && (query.conditions().next().is_some() || query.headers().next().is_some()) =>
            {
                return Ok(Some(query));
            }
            Ok(query) => match query.only_text() {
                Some(inside) if !parser.has_words && could_be_condition(inside) => query.terms,
                _ => vec![Term::Text(trimmed.to_owned())],
            },
            Err(_) => vec![Term::Text(trimmed.to_owned())],
        };
        Ok(Some(Query { terms }))
    }
}

/// Understands the name of a field, and nothing else.
pub(crate) fn parse_path(text: &str) -> Result<Vec<Piece>, QueryError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, has_words: false, takes_words: false };
    let path = parser.path()?;
    if parser.peek().is_some() { Err(parser.strange_name(parser.at)) } else { Ok(path) }
}

/// The request header that a path names, whose first piece says that it does.
pub(crate) fn header_of(path: &[Piece]) -> Option<String> {
    match path {
        [_, Piece::Key(name)] => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}

/// Whether a word means something where a name could begin.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

pub(super) struct Parser<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    /// A text without quotes was met.
    has_words: bool,
    /// A value need not stand in quotes.
    takes_words: bool,
}

pub(super) type Parsed<T> = Result<T, QueryError>;

impl Parser<'_> {
    fn terms(&mut self) -> Parsed<Query> {
        let mut terms = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let joined = self.take_word("and");
            self.skip_space();
            if joined && terms.is_empty() {
                return self.fail(start, "A condition has to stand before “and”");
            }
            if self.peek().is_none() {
                return if joined {
                    self.fail(start, "A condition has to follow “and”")
                } else {
                    Ok(Query { terms })
                };
            }
            if terms.len() == MAX_TERMS {
                return self.fail(self.at, &format!("A search has at most {MAX_TERMS} conditions. Leave some out"));
            }
            terms.push(self.term()?);
            if self.peek().is_some_and(|c| !c.is_whitespace()) {
                return self.fail(self.at, "A space has to stand between conditions");
            }
        }
    }

    fn term(&mut self) -> Parsed<Term> {
        let start = self.at;
        match self.peek() {
            Some(c) if is_operator_char(c) || self.looks_at("!=") => {
                let problem = "A field has to stand before it, as in data.quantity > 20";
                return self.fail(start, &format!("{problem}. To search for a text, put it in quotes"));
            }
            Some('(' | ')') => {
                return self.fail(start, "There are no parentheses in a search: all of its conditions have to hold");
            }
            Some('\'' | '“' | '”' | '„') => {
                return self.fail(start, "Put text in straight double quotes, as in \"SKU-12345\"");
            }
            _ => {}
        }
        let path = self.path();
        if let Ok(path) = &path {
            let header = if self.is_at(start, HEADER) { header_of(path) } else { None };
            self.takes_words = header.is_some();
            self.skip_space();
            let test = self.test();
            self.takes_words = false;
            if let Some(test) = test? {
                return Ok(match header {
                    Some(name) => Term::Header(HeaderCondition { name, test }),
                    None => Term::Field(Condition { path: path.clone(), test }),
                });
            }
        }
        self.at = start;
        if self.peek() == Some('"') {
            return self.quoted_text();
        }
        let word = self.word();
        if let Some(reserved) = RESERVED.iter().find(|reserved| word.eq_ignore_ascii_case(reserved)) {
            let problem = format!(
                "There is no “{reserved}” in a search: all of its conditions have to hold. To search for the word, put it \
                 in quotes"
            );
            return self.fail(start, &problem);
        }
        let end = self.at;
        self.skip_space();
        if self.peek().is_some_and(is_operator_char) || self.looks_at("!=") {
            return Err(path.err().unwrap_or_else(|| self.strange_name(start)));
        }
        self.at = end;
        self.has_words = true;
        Ok(Term::Text(word))
    }

    fn quoted_text(&mut self) -> Parsed<Term> {
        let start = self.at;
        let text = self.string()?;
        if text.is_empty() {
            return self.fail(start, "There is nothing between these quotes");
        }
        Ok(Term::Text(text))
    }

    /// Why what stands here up to a sign is no field.
    fn strange_name(&self, start: usize) -> QueryError {
        let is_path_char = |c: char| is_name_char(c) || matches!(c, '.' | '[' | ']');
        let step = (start..self.chars.len()).find(|&at| !is_path_char(self.chars[at])).unwrap_or(start);
        let found = self.chars.get(step).map(char::to_string).unwrap_or_default();
        let problem = format!("Put a field name with “{found}” in it in quotes, and text as well");
        QueryError { column: step + 1, problem }
    }

    fn path(&mut self) -> Parsed<Vec<Piece>> {
        let start = self.at;
        let mut path = Vec::new();
        match self.peek() {
            Some('[') => {}
            Some('"') => path.push(Piece::Key(self.string()?)),
            Some(c) if is_name_char(c) => {
                let name = self.name();
                if name != "$" {
                    path.push(Piece::Key(name));
                }
            }
            _ => return Err(self.strange_name(start)),
        }
        loop {
            match self.peek() {
                Some('.') => {
                    self.at += 1;
                    match self.peek() {
                        Some('"') => path.push(Piece::Key(self.string()?)),
                        Some(c) if is_name_char(c) => path.push(Piece::Key(self.name())),
                        Some(c) if !c.is_whitespace() && !is_operator_char(c) => return Err(self.strange_name(self.at)),
                        _ => return self.fail(self.at, "A field’s name has to follow the dot"),
                    }
                }
                Some('[') => path.push(self.index()?),
                _ => break,
            }
            if path.len() > MAX_PIECES {
                return self.fail(start, &format!("A field is at most {MAX_PIECES} steps deep"));
            }
        }
        Ok(path)
    }

    fn index(&mut self) -> Parsed<Piece> {
        self.at += 1;
        let start = self.at;
        let digits: String = self.take_while(|c| c != ']' && !c.is_whitespace());
        if self.peek() != Some(']') {
            return self.fail(start, "The bracket has to be closed, as in items[0] or items[]");
        }
        self.at += 1;
        if digits.is_empty() {
            return Ok(Piece::Each);
        }
        let is_number = digits.chars().all(|c| c.is_ascii_digit());
        match digits.parse() {
            Ok(index) if is_number => Ok(Piece::Index(index)),
            _ => self.fail(start, "Elements are counted from 0, as in items[0]; items[] is any of them"),
        }
    }

    /// What stands after a path, if it is a test.
    fn test(&mut self) -> Parsed<Option<Test>> {
        if self.take_word("exists") {
            return Ok(Some(Test::Exists));
        }
        let start = self.at;
        if self.take_word("not") {
            self.skip_space();
            if self.take_word("exists") {
                return Ok(Some(Test::Missing));
            }
            self.at = start;
        }
        if self.take_word("contains") {
            self.skip_space();
            let step = self.at;
            let text = match self.peek() {
                Some('"') => self.string()?,
                Some(_) if self.takes_words => self.take_while(|c| !c.is_whitespace()),
                _ => return self.fail(self.at, "Put text in quotes after “contains”"),
            };
            if text.is_empty() {
                return self.fail(step, "There is nothing between these quotes");
            }
            return Ok(Some(Test::Contains(text)));
        }
        let Some(operator) = self.operator()? else { return Ok(None) };
        self.skip_space();
        let step = self.at;
        let value = self.value()?;
        if operator.is_ordering() && !matches!(value, Value::Text(_) | Value::Number(_)) {
            let problem = format!("Only numbers and texts can be compared with {}; use = or !=", operator.as_str());
            return self.fail(step, &problem);
        }
        Ok(Some(Test::Compare(operator, value)))
    }

    fn operator(&mut self) -> Parsed<Option<Operator>> {
        let start = self.at;
        let sign: String =
            self.chars[start..].iter().take_while(|&&c| is_operator_char(c) || matches!(c, '!' | '~')).collect();
        if !sign.contains(is_operator_char) {
            return Ok(None);
        }
        if let Some(operator) = Operator::ALL.into_iter().find(|operator| operator.as_str() == sign) {
            self.at += sign.chars().count();
            return Ok(Some(operator));
        }
        let meant = match sign.as_str() {
            "==" | "===" => "=",
            "<>" | "!==" => "!=",
            "=<" => "<=",
            "=>" => ">=",
            _ => return self.fail(start, &format!("“{sign}” isn’t a comparison. Use one of = != < <= > >=")),
        };
        self.fail(start, &format!("Write {meant} instead of {sign}"))
    }

    fn value(&mut self) -> Parsed<Value> {
        let start = self.at;
        match self.peek() {
            None => return self.fail(start, "A value has to follow: a text in quotes, a number, true, false or null"),
            Some('"') => return self.string().map(Value::Text),
            _ => {}
        }
        let spelled = self.take_while(|c| !c.is_whitespace());
        match spelled.as_str() {
            _ if self.takes_words && !is_number(&spelled) => Ok(Value::Text(spelled)),
            "true" => Ok(Value::True),
            "false" => Ok(Value::False),
            "null" => Ok(Value::Null),
            _ if is_number(&spelled) => Ok(Value::Number(spelled)),
            _ if spelled.starts_with(['\'', '“', '”', '„']) => {
                self.fail(start, "Put text in straight double quotes, as in \"SKU-12345\"")
            }
            _ => {
                let shown: String = spelled.chars().take(MAX_REPEATED_CHARS).collect();
                self.fail(start, &format!("Put text in quotes: {}", quoted(&shown)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use proptest::{prop_assert_eq, prop_assume};

    use super::MAX_CHARS;
    use crate::domain::query::ast::{Condition, HeaderCondition, Operator, Piece, Query, Term, Test, Value};

    fn parsed(text: &str) -> Query {
        Query::parse(text).unwrap().unwrap()
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
        let header =
            |test: Test| Query { terms: vec![Term::Header(HeaderCondition { name: "x-event".to_owned(), test })] };
        let push = Value::Text("push".to_owned());
        for typed in ["header.x-event = push", "header.X-Event = \"push\""] {
            assert_eq!(parsed(typed), header(Test::Compare(Operator::Equal, push.clone())), "{typed}");
        }
        assert_eq!(parsed("header.x-event exists"), header(Test::Exists));
        assert_eq!(parsed("header.x-event contains pu"), header(Test::Contains("pu".to_owned())));
        let more = Test::Compare(Operator::Greater, Value::Number("2".to_owned()));
        assert_eq!(parsed("header.x-event > 2"), header(more));
        // A member of the body that is called so.
        let path = [key("header"), key("x-event")];
        let member = Query { terms: vec![condition(&path, Test::Exists)] };
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
            assert_eq!(parsed(typed).terms, [text(typed)], "{typed}");
        }
        assert_eq!(parsed("  spaced out ").terms, [text("spaced out")]);
        assert_eq!(Query::parse(" \t"), Ok(None));
    }

    #[test]
    fn conditions_are_understood_alone_and_together() {
        let id = [key("data"), key("product_id")];
        let quantity = Test::Compare(Operator::Greater, Value::Number("20".to_owned()));
        let sku = Test::Compare(Operator::Equal, Value::Text("SKU-12345".to_owned()));
        assert_eq!(parsed(r#"data.product_id = "SKU-12345""#).terms, [condition(&id, sku.clone())]);
        assert_eq!(parsed("event exists").terms, [condition(&[key("event")], Test::Exists)]);
        assert_eq!(parsed("event not exists").terms, [condition(&[key("event")], Test::Missing)]);
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
            assert_eq!(parsed(joined).terms, expected, "{joined}");
        }
    }

    #[test]
    fn a_path_leads_anywhere() {
        let path = |typed: &str| match parsed(&format!("{typed} = null")).terms.remove(0) {
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
        assert_eq!(parsed(r#""a = b""#).terms, [text("a = b")]);
        assert_eq!(parsed(r#""event exists""#).terms, [text("event exists")]);
        assert_eq!(parsed(r#""\"a = b\"""#).terms, [text("\"a = b\"")]);
    }

    #[test]
    fn an_error_names_the_column_and_what_to_write() {
        for (typed, column, words) in [
            ("a = 1 = 5", 7, "A field has to stand before it"),
            ("a = ", 5, "A value has to follow"),
            ("event = new_data", 9, r#"Put text in quotes: "new_data""#),
            ("größe = 'M'", 9, "straight double quotes"),
            ("when > 2023-06-15", 8, r#""2023-06-15""#),
            ("a == 1", 3, "Write = instead of =="),
            ("a <> 1", 3, "Write != instead of <>"),
            ("a => 1", 3, "Write >= instead of =>"),
            ("a < true", 5, "Only numbers and texts"),
            ("a = 1 or b = 2", 7, "There is no “or”"),
            ("a = 1 and", 7, "has to follow “and”"),
            ("and a = 1", 1, "has to stand before “and”"),
            ("(a = 1)", 1, "no parentheses"),
            ("a = \"x", 5, "never closed"),
            (r#"a = "x\q""#, 7, "No such escape"),
            (r#"a = "x"b = 1"#, 8, "A space has to stand"),
            ("items[x] = 1", 7, "counted from 0"),
            ("items[-1] = 1", 7, "counted from 0"),
            ("items[1 = 1", 7, "has to be closed"),
            ("a. = 1", 3, "has to follow the dot"),
            ("https://example.com/?a=1", 6, "with “:” in it"),
            ("a contains b = 1", 12, "text in quotes"),
            (r#"a = 1 """#, 7, "There is nothing"),
            ("a = 1 \u{201c}b\u{201d}", 7, "straight double quotes"),
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

    #[test]
    fn the_longest_search_is_read_again_however_long_it_is_written_out() {
        let controls = "\u{1}".repeat(MAX_CHARS);
        for (before, after) in [("a = \"", "\""), ("a contains \"", "\""), ("\"", "\" = 1"), ("\"a = 1", "\"")] {
            let typed = format!("{before}{}{after}", &controls[before.len() + after.len()..]);
            let query = parsed(&typed);
            let written = query.to_string();
            assert!(written.len() > 5 * MAX_CHARS, "{written}");
            assert_eq!(Query::read(&written), Ok(Some(query)), "{written}");
        }
    }

    fn any_chunk() -> impl Strategy<Value = Piece> {
        prop_oneof![
            prop_oneof![Just("and".to_owned()), Just("$".to_owned()), "[a-z_$@-]{1,8}", any::<String>()]
                .prop_map(Piece::Key),
            any::<u32>().prop_map(Piece::Index),
            Just(Piece::Each),
        ]
    }

    fn any_test() -> impl Strategy<Value = Test> {
        let value = prop_oneof![
            any::<String>().prop_map(Value::Text),
            // Six times as long when it is written out.
            "[\\x01-\\x1f]{100,250}".prop_map(Value::Text),
            any::<f64>().prop_filter("JSON", |n| n.is_finite()).prop_map(|n| Value::Number(n.to_string())),
        ];
        let equality = prop_oneof![Just(Operator::Equal), Just(Operator::NotEqual)];
        let word = prop_oneof![Just(Value::True), Just(Value::False), Just(Value::Null)];
        prop_oneof![
            Just(Test::Exists),
            Just(Test::Missing),
            ".{1,8}".prop_map(Test::Contains),
            (prop::sample::select(Operator::ALL.to_vec()), value).prop_map(|(o, v)| Test::Compare(o, v)),
            (equality, word).prop_map(|(o, v)| Test::Compare(o, v)),
        ]
    }

    proptest! {
        #[test]
        fn a_search_written_out_is_the_same_search(
            terms in prop::collection::vec(prop_oneof![
                (prop::collection::vec(any_chunk(), 0..5), any_test())
                    .prop_map(|(path, test)| Term::Field(Condition { path, test })),
                ".{1,10}".prop_map(Term::Text),
            ], 1..5)
        ) {
            let query = Query { terms };
            prop_assume!(query.conditions().next().is_some());
            let written = query.to_string();
            prop_assert_eq!(Query::read(&written), Ok(Some(query.clone())), "{}", written);
            if written.chars().count() <= MAX_CHARS {
                prop_assert_eq!(Query::parse(&written), Ok(Some(query)), "{}", written);
            }
        }

        #[test]
        fn whatever_is_typed_is_understood_or_explained(
            typed in r#"([ab.\[\]"\\=<>!$()'0-9 é]|exists|not |and |contains |true|.){0,30}"#
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
