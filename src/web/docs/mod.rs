//! The documentation pages.

pub(crate) mod connect_pages;
pub(crate) mod doc_pages;
pub mod tools;
