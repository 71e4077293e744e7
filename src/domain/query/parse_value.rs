//! The parser of values: numbers, words of JSON, and texts with or without quotes.

use crate::domain::query::ast::Value;
use crate::domain::query::number::is_number;
use crate::domain::query::parse::{Parsed, Parser};
use crate::domain::query::parse_test::is_quote;

impl Parser<'_> {
    /// What a field is compared with.
    pub(super) fn value(&mut self) -> Parsed<Value> {
        let start = self.at;
        if let Some(text) = self.quoted_value()? {
            return Ok(Value::Text(text));
        }
        let spelled = self.bare_word();
        match spelled.as_str() {
            "" => self.fail(start, "Add a value: a text, a number, true, false or null"),
            "true" => Ok(Value::True),
            "false" => Ok(Value::False),
            "null" => Ok(Value::Null),
            _ if is_number(&spelled) => Ok(Value::Number(spelled)),
            _ => Ok(Value::Text(spelled)),
        }
    }

    /// A text, whatever it looks like.
    pub(super) fn text_value(&mut self) -> Parsed<String> {
        let start = self.at;
        let (text, is_quoted) = match self.quoted_value()? {
            Some(text) => (text, true),
            None => (self.bare_word(), false),
        };
        match (text.is_empty(), is_quoted) {
            (true, true) => self.fail(start, "There is nothing between these quotes"),
            (true, false) => self.fail(start, "Add a text"),
            _ => Ok(text),
        }
    }

    /// A text in quotes of any kind. An apostrophe at the beginning that nothing closes is a letter.
    fn quoted_value(&mut self) -> Parsed<Option<String>> {
        match self.peek() {
            Some('\'') => Ok(self.single_quoted()),
            Some(c) if is_quote(c) => self.string().map(Some),
            _ => Ok(None),
        }
    }

    fn single_quoted(&mut self) -> Option<String> {
        let inside = &self.chars[self.at + 1..];
        let closes = |at: &usize| {
            inside[*at] == '\'' && inside.get(at + 1).is_none_or(|c| c.is_whitespace() || matches!(c, ')' | ','))
        };
        let length = (0..inside.len()).find(closes)?;
        self.at += length + 2;
        Some(inside[..length].iter().collect())
    }

    /// What stands up to a space; inside parentheses, also up to a comma or the one that closes them.
    pub(super) fn bare_word(&mut self) -> String {
        let ends_at_parenthesis = self.nested > 0;
        self.take_while(|c| !(c.is_whitespace() || ends_at_parenthesis && matches!(c, ')' | ',')))
    }
}
