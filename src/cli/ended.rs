//! How a command ended that did not fail, for the exit code.

/// A command ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Ended {
    Well,
    /// Doctor found something wrong.
    FoundProblems,
    /// Passwords of this installation are in the text.
    FoundLeaks,
}
