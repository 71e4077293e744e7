//! The documentation pages, their snippets, and the colours of code.

pub(crate) mod colours;
pub(crate) mod connect_pages;
pub(crate) mod doc_pages;
pub mod snippets;
pub mod tools;
