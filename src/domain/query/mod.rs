//! What a reader asks of events: the language of the search field, and the one place that decides whether an event is meant.

pub mod ast;
pub mod columns;
pub(crate) mod completion;
pub(crate) mod display;
pub(crate) mod embedded;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod fields;
pub(crate) mod header_matching;
pub(crate) mod json_path;
pub(crate) mod lexer;
pub(crate) mod matching;
pub(crate) mod nearest;
pub(crate) mod number;
pub(crate) mod operators;
pub(crate) mod parse;
pub(crate) mod parse_path;
pub(crate) mod parse_test;
pub(crate) mod parse_value;
pub(crate) mod path_cursor;
pub(crate) mod prefilter;
pub(crate) mod source_matching;
pub(crate) mod strings;
