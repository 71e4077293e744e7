//! What a dialog is opened with again.

/// What was typed into a dialog, and what is wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) typed: String,
    pub(crate) problem: String,
}
