//! What a reader asks of the bodies of events: the language of the search field, and the one place that decides whether a body is
//! meant.

pub mod ast;
pub mod columns;
pub mod display;
pub mod error;
pub mod fields;
pub mod json_path;
pub mod matching;
pub mod number;
pub mod operators;
pub mod parse;
pub mod prefilter;
pub mod strings;
