//! What a reader asks of the bodies of events: the language of the search field, and the one place that decides whether a body is
//! meant.

pub mod columns;
pub mod error;
pub mod fields;
pub mod matching;
pub mod number;
pub mod parse;
pub mod patterns;
pub mod signs;
pub mod strings;
pub mod terms;
pub mod walk;
pub mod written;
