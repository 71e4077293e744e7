//! The parser of paths: the names of fields and headers, and the steps from one to the next.

use crate::domain::query::ast::Piece;
use crate::domain::query::error::QueryError;
use crate::domain::query::operators::{is_name_char, is_operator_char};
use crate::domain::query::parse::{Parsed, Parser};

/// How many pieces a path may have.
const MAX_PIECES: usize = 32;
/// Understands the name of a field, and nothing else.
pub(crate) fn parse_path(text: &str) -> Result<Vec<Piece>, QueryError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser::new(&chars);
    let path = parser.path()?;
    if parser.peek().is_some() { Err(parser.strange_name(parser.at)) } else { Ok(path) }
}

impl Parser<'_> {
    /// Why what stands here up to a sign is no field.
    pub(super) fn strange_name(&self, start: usize) -> QueryError {
        let is_path_char = |c: char| is_name_char(c) || matches!(c, '.' | '[' | ']');
        let step = (start..self.chars.len()).find(|&at| !is_path_char(self.chars[at])).unwrap_or(start);
        let found = self.chars.get(step).map(char::to_string).unwrap_or_default();
        let problem = format!("Put a field name with “{found}” in it in quotes, and text as well");
        QueryError { column: step + 1, problem }
    }

    pub(super) fn path(&mut self) -> Parsed<Vec<Piece>> {
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
                        _ => return self.fail(self.at, "Put a field name after the dot"),
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
            return self.fail(start, "Close the bracket, as in items[0] or items[]");
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
}
