//! Why a command did not do what it was asked: one line on standard error.

use std::error::Error;

use crate::app::api_tokens::ApiTokenError;
use crate::app::credential_act::CredentialError;
use crate::app::failure::Failure;
use crate::client::api::ApiError;
use crate::database::OpenError;
use crate::domain::escape_invisible::escape_invisible;
use crate::random::NoRandomness;
use crate::store::connection::error::StoreError;

/// A command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum CommandError {
    /// In words for whoever typed the command.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("standard output or input failed: {0}")]
    Terminal(#[from] std::io::Error),
    /// It is done, and the password that nobody sees again was not printed.
    #[error("{done}, but its password could not be printed ({source}): get another with `{remedy}`")]
    Unsaid { done: String, remedy: String, source: std::io::Error },
}

impl CommandError {
    /// Something that the user can change, in words.
    pub fn refused(words: impl ToString) -> Self {
        CommandError::Refused(words.to_string())
    }

    /// Whether whoever read what is printed went away, as `head` does when it has enough.
    pub fn is_reader_gone(&self) -> bool {
        matches!(self, CommandError::Terminal(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// The error and its causes in one line, whatever line breaks and hidden characters they contain.
    pub fn line(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(inner) = cause {
            let words = inner.to_string();
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            cause = inner.source();
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        escape_invisible(&line).into_owned()
    }
}

impl From<CredentialError> for CommandError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Failed(failure) => failure.into(),
            error => CommandError::refused(error),
        }
    }
}

impl From<ApiTokenError> for CommandError {
    fn from(error: ApiTokenError) -> Self {
        match error {
            ApiTokenError::Failed(failure) => failure.into(),
            error => CommandError::refused(error),
        }
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        CommandError::refused(error)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        CommandError::Failed(error.into())
    }
}

impl From<NoRandomness> for CommandError {
    fn from(error: NoRandomness) -> Self {
        CommandError::Failed(error.into())
    }
}
