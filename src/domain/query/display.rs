//! Printing a search back to text.
//!
//! A search, written out again: as short as it can be, and read again it means the same.

use std::fmt;

use crate::domain::query::ast::{Condition, HeaderCondition, Piece, Query, Term, Test, Value};
use crate::domain::query::operators::is_name_char;
use crate::domain::query::parse::{HEADER, is_reserved};
use crate::domain::query::strings::quoted;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.only_text()
            && matches!(Query::read(text), Ok(Some(again)) if again == *self)
        {
            return f.write_str(text);
        }
        for (step, term) in self.terms.iter().enumerate() {
            if step > 0 {
                f.write_str(" ")?;
            }
            match term {
                Term::Text(text) => write_quoted(f, text)?,
                Term::Field(condition) => write!(f, "{condition}")?,
                Term::Header(HeaderCondition { name, test }) => {
                    f.write_str(HEADER)?;
                    write_key(f, name, true)?;
                    write_test(f, test)?;
                }
            }
        }
        Ok(())
    }
}

impl Condition {
    /// The path alone.
    pub(crate) fn field(&self) -> String {
        struct Field<'a>(&'a [Piece]);
        impl fmt::Display for Field<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_path(f, self.0)
            }
        }
        Field(&self.path).to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, &self.path)?;
        write_test(f, &self.test)
    }
}

fn write_test(f: &mut fmt::Formatter<'_>, test: &Test) -> fmt::Result {
    match test {
        Test::Exists => f.write_str(" exists"),
        Test::Missing => f.write_str(" not exists"),
        Test::Contains(text) => {
            f.write_str(" contains ")?;
            write_quoted(f, text)
        }
        Test::Compare(operator, value) => write!(f, " {} {value}", operator.as_str()),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write_quoted(f, text),
            Value::Number(spelled) => f.write_str(spelled),
            Value::True => f.write_str("true"),
            Value::False => f.write_str("false"),
            Value::Null => f.write_str("null"),
        }
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Piece]) -> fmt::Result {
    if path.is_empty() {
        return f.write_str("$");
    }
    for (step, chunk) in path.iter().enumerate() {
        match chunk {
            Piece::Key(key) => {
                if step > 0 {
                    f.write_str(".")?;
                }
                let is_header = step == 0 && path.len() == 2 && HEADER.strip_suffix('.') == Some(key);
                write_key(f, key, !(is_header || step == 0 && (key == "$" || is_reserved(key))))?;
            }
            Piece::Index(index) => write!(f, "[{index}]")?,
            Piece::Each => f.write_str("[]")?,
        }
    }
    Ok(())
}

/// A name, without quotes where it `means_itself` there and has no other characters.
fn write_key(f: &mut fmt::Formatter<'_>, key: &str, means_itself: bool) -> fmt::Result {
    let is_plain = !key.is_empty() && key.chars().all(is_name_char);
    if is_plain && means_itself { f.write_str(key) } else { write_quoted(f, key) }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&quoted(text))
}
