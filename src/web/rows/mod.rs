//! Rows of lists that several pages show, and the live connection sends.

pub mod event_row;
pub mod rejection_row;
