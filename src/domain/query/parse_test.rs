//! The parser of what is asked of a field: everything that may follow its path.

use crate::domain::query::ast::{Operator, Test, Value};
use crate::domain::query::number::is_number;
use crate::domain::query::operators::is_operator_char;
use crate::domain::query::parse::{Parsed, Parser};

/// How many values a list may have.
const MAX_LISTED: usize = 50;

impl Parser<'_> {
    /// What stands after a path, if it is a test.
    pub(super) fn test(&mut self) -> Parsed<Option<Test>> {
        if self.take_word("exists") {
            return Ok(Some(Test::Exists));
        }
        let start = self.at;
        if self.take_word("not") {
            self.skip_space();
            if self.take_word("exists") {
                return Ok(Some(Test::Missing));
            }
            if let Some(values) = self.listed()? {
                return Ok(Some(Test::NotIn(values)));
            }
            self.at = start;
        }
        if self.take_word("contains") {
            self.skip_space();
            // The file contains errors: a sentence.
            self.has_words |= self.peek().is_some_and(|c| !is_quote(c));
            return self.text_value().map(|text| Some(Test::Contains(text)));
        }
        if let Some(values) = self.listed()? {
            return Ok(Some(Test::In(values)));
        }
        if let Some(range) = self.range() {
            return Ok(Some(range));
        }
        let Some(operator) = self.operator()? else { return Ok(None) };
        self.skip_space();
        self.compared(operator).map(Some)
    }

    /// `type:order.created`: a colon with nothing around it, in what is no URL, time or path of a file. Behind it may stand a sign.
    pub(super) fn colon_test(&mut self, start: usize, in_quotes: bool) -> Parsed<Option<Test>> {
        if self.peek() != Some(':') || in_quotes || self.chars[start].is_ascii_digit() {
            return Ok(None);
        }
        let colon = self.at;
        self.at += 1;
        match self.operator() {
            Ok(Some(operator)) => return self.compared(operator).map(Some),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        let is_value = self.peek().is_some_and(|c| {
            is_quote(c) || c.is_alphanumeric() || matches!(c, '-' | '+' | '#' | '*' | '_' | '$' | '@' | '.')
        });
        let word: Vec<char> = self.chars[self.at..].iter().copied().take_while(|c| !c.is_whitespace()).collect();
        let has_colon = word.contains(&':') && word.first().is_some_and(|c| !c.is_ascii_digit() && !is_quote(*c));
        if !is_value || has_colon {
            self.at = colon;
            return Ok(None);
        }
        self.compared(Operator::Equal).map(Some)
    }

    fn compared(&mut self, operator: Operator) -> Parsed<Test> {
        if operator == Operator::Equal
            && let Some(range) = self.range()
        {
            return Ok(range);
        }
        let start = self.at;
        let value = self.value()?;
        if operator.is_ordering() && !matches!(value, Value::Text(_) | Value::Number(_)) {
            let problem = format!("Only numbers and texts can be compared with {}; use = or !=", operator.as_str());
            return self.fail(start, &problem);
        }
        Ok(Test::Compare(operator, value))
    }

    /// Steps over a sign that compares.
    pub(super) fn operator(&mut self) -> Parsed<Option<Operator>> {
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

    /// `100..200`, `..200`, `100..`, of numbers or of what begins with a digit, as dates do.
    fn range(&mut self) -> Option<Test> {
        let start = self.at;
        let word = self.bare_word();
        let end = |text: &str| match text {
            "" => Some(None),
            _ if is_number(text) => Some(Some(Value::Number(text.to_owned()))),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(is_quote) => {
                Some(Some(Value::Text(text.to_owned())))
            }
            _ => None,
        };
        let range = word.split_once("..").and_then(|(from, to)| Some((end(from)?, end(to)?)));
        let test = match range {
            Some((Some(from), Some(to))) => Some(Test::Between(from, to)),
            Some((Some(from), None)) => Some(Test::Compare(Operator::GreaterOrEqual, from)),
            Some((None, Some(to))) => Some(Test::Compare(Operator::LessOrEqual, to)),
            _ => None,
        };
        if test.is_none() {
            self.at = start;
        }
        test
    }

    /// `in (paid, open)`
    fn listed(&mut self) -> Parsed<Option<Vec<Value>>> {
        let start = self.at;
        if self.take_word("in") {
            self.skip_space();
            if self.peek() == Some('(') {
                return self.list().map(Some);
            }
        }
        self.at = start;
        Ok(None)
    }

    /// Values with commas between them, in parentheses.
    fn list(&mut self) -> Parsed<Vec<Value>> {
        let start = self.at;
        self.at += 1;
        self.nested += 1;
        let mut values = Vec::new();
        loop {
            self.skip_space();
            if values.len() == MAX_LISTED {
                return self.fail(self.at, &format!("A list has at most {MAX_LISTED} values. Leave some out"));
            }
            values.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(')') => break,
                Some(_) => return self.fail(self.at, "Put a comma between values, as in status in (paid, open)"),
                None => return self.fail(start, "This parenthesis is never closed"),
            }
        }
        self.at += 1;
        self.nested -= 1;
        Ok(values)
    }
}

/// What may stand around a text.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '„')
}
