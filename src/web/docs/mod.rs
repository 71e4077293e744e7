//! The documentation pages, their snippets, and the colours of code.

pub mod colours;
pub mod doc_pages;
pub mod snippets;
