//! What is wrong with a search, shown at the place where it went wrong.

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::query::error::QueryError;
use crate::domain::query::parse::MAX_CHARS;
use crate::domain::query::strings::quoted;

/// What is wrong with a search, for the place under its field.
#[derive(Clone, Debug)]
pub(crate) struct SearchError {
    pub(crate) problem: String,
    pub(crate) column: usize,
    /// The search, and under it a mark at the column.
    pub(crate) typed: String,
    pub(crate) mark: String,
    /// The same characters as a text to look for, unless that is too long for a search.
    pub(crate) as_text: Option<String>,
}

/// How much of the search stands before and after the mark, in characters.
const SHOWN_AROUND: usize = 60;

impl SearchError {
    pub(crate) fn new(typed: &str, error: &QueryError) -> Self {
        let at = error.column - 1;
        let start = at.saturating_sub(SHOWN_AROUND);
        let part = |from: usize, to: usize| -> String { typed.chars().skip(from).take(to - from).collect() };
        let before = escape_invisible(&part(start, at)).into_owned();
        Self {
            problem: escape_invisible(&error.problem).into_owned(),
            column: error.column,
            mark: format!("{}^", " ".repeat(before.chars().count())),
            typed: format!("{before}{}", escape_invisible(&part(at, at + SHOWN_AROUND))),
            as_text: Some(quoted(typed)).filter(|text| text.chars().count() <= MAX_CHARS),
        }
    }
}
