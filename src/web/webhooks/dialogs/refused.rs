//! What a dialog is opened with again.

/// What was typed into a dialog, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Refused {
    pub typed: String,
    pub problem: String,
}
