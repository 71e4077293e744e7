//! The lexer of the search language: characters, words, names and strings of what was typed.

use crate::domain::query::error::QueryError;
use crate::domain::query::operators::{is_name_char, is_operator_char};
use crate::domain::query::parse::{Parsed, Parser};
use crate::domain::query::strings::unescape;

impl Parser<'_> {
    /// A string as JSON spells it, from its quote on, or a text in curved quotes, which has no escapes.
    pub(super) fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        if self.peek() != Some('"') {
            let inside = &self.chars[start + 1..];
            let Some(length) = inside.iter().position(|c| matches!(c, '“' | '”')) else {
                return self.fail(start, "This quote is never closed");
            };
            self.at += length + 2;
            return Ok(inside[..length].iter().collect());
        }
        let mut escaped = false;
        let inside = &self.chars[start + 1..];
        let end = inside.iter().position(|&c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some(length) = end else { return self.fail(start, "This quote is never closed") };
        self.at += length + 2;
        unescape(&inside[..length]).map_err(|step| QueryError {
            column: start + 2 + step,
            problem: "Unknown escape. Write a quote as \\\" and a backslash \\\\, as in JSON".to_owned(),
        })
    }

    pub(super) fn name(&mut self) -> String {
        self.take_while(is_name_char)
    }

    /// What stands up to a space, a quote, a sign, or the parenthesis that closes.
    pub(super) fn word(&mut self) -> String {
        let start = self.at;
        let ends = |c: char| c.is_whitespace() || c == '"' || is_operator_char(c) || c == ')' && self.nested > 0;
        while self.peek().is_some_and(|c| !ends(c)) {
            if self.at > start && self.looks_at("!=") {
                break;
            }
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// Steps over a word, in any case, when it stands here alone.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let stands_here = self.sees_word(word);
        if stands_here {
            self.at += word.len();
        }
        stands_here
    }

    /// Whether a word stands here alone, in any case.
    pub(super) fn sees_word(&self, word: &str) -> bool {
        let length = word.len();
        self.chars[self.at..].len() >= length
            && self.chars[self.at..self.at + length].iter().zip(word.chars()).all(|(a, b)| a.eq_ignore_ascii_case(&b))
            && self.chars.get(self.at + length).is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '(' | ')'))
    }

    pub(super) fn looks_at(&self, text: &str) -> bool {
        self.is_at(self.at, text)
    }

    pub(super) fn is_at(&self, at: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(step, c)| self.chars.get(at + step) == Some(&c))
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn fail<T>(&self, at: usize, problem: &str) -> Parsed<T> {
        Err(Self::error(at, problem))
    }

    pub(super) fn error(at: usize, problem: &str) -> QueryError {
        QueryError { column: at + 1, problem: problem.to_owned() }
    }
}
