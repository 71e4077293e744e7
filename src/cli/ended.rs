//! How a command ended that did not fail, for the exit code.

/// A command ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    /// Doctor found something wrong.
    FoundProblems,
    /// Passwords of this installation are in the text.
    FoundLeaks,
}
