//! What is wrong with a search, and where.

/// A search that says a condition, but not rightly. The column counts characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (column {column})")]
pub struct QueryError {
    pub column: usize,
    /// A sentence without its full stop: what is the case, then what to write instead.
    pub(crate) problem: String,
}
