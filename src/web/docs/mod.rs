//! The documentation pages, their snippets, and the colours of code.

pub(crate) mod colours;
pub(crate) mod doc_pages;
pub mod snippets;
