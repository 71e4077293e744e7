//! What a reader asks of the bodies of events: the language of the search field, and the one place that decides whether a body is
//! meant.

pub mod ast;
pub mod columns;
pub(crate) mod display;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod header_matching;
pub(crate) mod json_path;
pub(crate) mod lexer;
pub(crate) mod matching;
pub(crate) mod number;
pub(crate) mod operators;
pub(crate) mod parse;
pub(crate) mod prefilter;
pub(crate) mod strings;
