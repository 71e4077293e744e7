//! Validation of JSON bodies.
//!
//! The gate for bodies: any JSON of RFC 8259 passes, whatever it holds, and is kept byte for byte; all else is told where it
//! goes wrong. Nothing is parsed into values: a body is a text.

use serde::de::IgnoredAny;
use serde_json::error::Category;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A body that is valid JSON, as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(String);

/// Where and why a body is not JSON. Line and column count from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct InvalidJson {
    pub line: usize,
    pub column: usize,
    pub(crate) problem: String,
}

impl Payload {
    /// Accepts any valid JSON. UTF-8 is checked first, because the parser that ignores values does not look at it;
    /// that parser is iterative, so no depth overflows the stack. A leading byte order mark is allowed (RFC 8259,
    /// section 8.1) and kept.
    pub fn check(bytes: impl Into<Vec<u8>>) -> Result<Self, InvalidJson> {
        let text = String::from_utf8(bytes.into())
            .map_err(|error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to()))?;
        let json = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        match serde_json::from_str::<IgnoredAny>(json) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(not_json(json, &error)),
        }
    }

    /// The JSON text, as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// The JSON value of a stored body: the body without a leading byte order mark, which no JSON document that embeds the
/// value could hold.
pub(crate) fn value_text(body: &str) -> &str {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_matches([' ', '\t', '\r', '\n'])
}

fn not_utf8(bytes: &[u8], valid_bytes: usize) -> InvalidJson {
    after(&String::from_utf8_lossy(&bytes[..valid_bytes]), "the bytes are not UTF-8".to_owned())
}

/// What the parser says, and where: it counts columns in bytes, and none at the beginning of a line.
fn not_json(json: &str, error: &serde_json::Error) -> InvalidJson {
    let words = error.to_string();
    let problem = match error.classify() {
        _ if json.trim_ascii().is_empty() => return after("", "the body is empty".to_owned()),
        Category::Eof => "unexpected end of input",
        _ => words.rsplit_once(" at line ").map_or("not JSON", |(problem, _)| problem),
    };
    let line = json.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let end = line.ceil_char_boundary(error.column());
    if let Some((start, problem)) = known_mistake(line, end) {
        return InvalidJson { line: error.line().max(1), column: line[..start].chars().count() + 1, problem };
    }
    let column = line[..end].chars().count().max(1);
    let before: usize = json.split('\n').take(error.line().saturating_sub(1)).map(|line| line.len() + 1).sum();
    let problem = if closes_after_comma(&json[..before + end]) { "a comma after the last element" } else { problem };
    InvalidJson { line: error.line().max(1), column, problem: problem.to_owned() }
}

/// Whether a text ends in a bracket that is closed, with nothing but space between it and a comma.
fn closes_after_comma(text: &str) -> bool {
    text.strip_suffix([']', '}']).is_some_and(|before| before.trim_ascii_end().ends_with(','))
}

/// Words of other languages that are no JSON, and what JSON has in their place.
const WORDS_OF_OTHERS: [(&str, &str); 9] = [
    ("NaN", "null"),
    ("nan", "null"),
    ("Infinity", "null"),
    ("inf", "null"),
    ("None", "null"),
    ("nil", "null"),
    ("undefined", "null"),
    ("True", "true"),
    ("False", "false"),
];

/// What stands at the place where the parser stopped, if many make that mistake: where it begins, and how it is said. `end` is after
/// the character that the parser did not expect.
fn known_mistake(line: &str, end: usize) -> Option<(usize, String)> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (at, unexpected) = line[..end].char_indices().next_back()?;
    if unexpected == '\'' {
        return Some((at, "single quotes are not JSON, which has double quotes".to_owned()));
    }
    let before = line[..end].trim_end_matches(is_of_word).len();
    let word = &line[before..];
    let word = &word[..word.find(|c| !is_of_word(c)).unwrap_or(word.len())];
    let (known, instead) = WORDS_OF_OTHERS.into_iter().find(|(known, _)| *known == word)?;
    Some((before, format!("{known} is not JSON, which has {instead}")))
}

/// What is wrong with the character after some text.
fn after(text: &str, problem: String) -> InvalidJson {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    InvalidJson { line, column, problem }
}

impl std::fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at line {}, column {}", self.problem, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{Payload, value_text};

    fn refusal(bytes: &[u8]) -> String {
        Payload::check(bytes).unwrap_err().to_string()
    }

    // holds X5
    #[test]
    fn any_json_passes_and_stays_as_it_is() {
        let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
        let long_number = format!("1{}e999999", "0".repeat(100_000));
        for text in [
            "1",
            "-0",
            "null",
            "true",
            r#""text""#,
            "[]",
            "{}",
            " { } \r\n",
            r#"{"a":1,"a":2}"#,
            r#""\u0000""#,
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            "1e400",
            "\u{feff}{}",
            "\"\u{10ffff}\u{2028}\"",
            &deep,
            &long_number,
        ] {
            assert_eq!(Payload::check(text.as_bytes()).unwrap().as_str(), text);
        }
    }

    // holds X5
    #[test]
    fn what_is_not_json_is_told_where_it_goes_wrong() {
        assert_eq!(refusal(b""), "the body is empty at line 1, column 1");
        assert_eq!(refusal(b"{\"a\":1"), "unexpected end of input at line 1, column 6");
        assert_eq!(refusal(b"{} {}"), "trailing characters at line 1, column 4");
        assert_eq!(refusal("{\n \"ä\": x}".as_bytes()), "expected value at line 2, column 7");
        assert_eq!(refusal(b"[1,\n"), "unexpected end of input at line 2, column 1");
        assert_eq!(refusal(" \n".as_bytes()), "the body is empty at line 1, column 1");
        let control = "control character (\\u0000-\\u001F) found while parsing a string at line 1, column 1";
        assert_eq!(refusal(b"\"\x01\""), control);
        assert_eq!(refusal(b"\"\\ud8\""), "unexpected end of input at line 1, column 6");
        assert_eq!(refusal(b"{\"b\":tru}"), "expected ident at line 1, column 9");
        assert_eq!(refusal(b"[\n\"\xff\"]"), "the bytes are not UTF-8 at line 2, column 2");
        for (text, told) in [
            ("{\"a\": NaN}", "NaN is not JSON, which has null at line 1, column 7"),
            ("[\n -Infinity]", "Infinity is not JSON, which has null at line 2, column 3"),
            ("{\"ä\": None}", "None is not JSON, which has null at line 1, column 7"),
            ("[nan]", "nan is not JSON, which has null at line 1, column 2"),
            ("True", "True is not JSON, which has true at line 1, column 1"),
            ("{'a': 1}", "single quotes are not JSON, which has double quotes at line 1, column 2"),
            ("{\"a\": 'b'}", "single quotes are not JSON, which has double quotes at line 1, column 7"),
            ("[1,]", "a comma after the last element at line 1, column 4"),
            ("{\"a\":1,}", "a comma after the last element at line 1, column 8"),
            ("[1,\n\n]", "a comma after the last element at line 3, column 1"),
            ("{\"a\": Nano}", "expected value at line 1, column 7"),
        ] {
            assert_eq!(refusal(text.as_bytes()), told, "{text}");
        }
        for text in [
            "{a:1}",
            "[1,]",
            "01",
            "+1",
            ".5",
            "NaN",
            "'a'",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"",
            "tru",
            "\u{feff}",
            "// c\n1",
            "1.",
            "[1}",
            "\u{feff}\u{feff}1",
            "\0",
        ] {
            assert!(Payload::check(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_value_of_a_body_has_no_byte_order_mark_and_no_space_around_it() {
        assert_eq!(value_text("\u{feff} {\"a\": 1}\n"), "{\"a\": 1}");
    }

    proptest! {
        // holds X5
        #[test]
        fn the_gate_agrees_with_the_strict_parser_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let ours = Payload::check(bytes.as_slice()).is_ok();
            // The strict parser refuses some valid JSON (lone surrogates, huge numbers), never the other way round.
            if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
                assert!(ours);
            }
        }
    }
}
