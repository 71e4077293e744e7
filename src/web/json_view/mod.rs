//! Shows a JSON body on a page, as a one-line preview, as received, or as a tree.
//!
//! A body is any JSON that a sender chose: deep, long, with hostile text. So nothing here recurses,
//! every output has a bound, and no input panics, not even one that is cut or is not JSON. HTML
//! escaping is left to the templates, checking the JSON to the ingest.

pub(crate) mod tokens;
pub(crate) mod walk;

pub(crate) mod preview;
pub mod raw;
pub(crate) mod readable;

pub mod location;
pub(crate) mod path;
pub mod tree;

pub mod changes;
