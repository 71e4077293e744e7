//! Following events over the API, in the order in which they were committed: what comes while the server is away follows when it is back.

use std::io::{self, IsTerminal};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::client::api::{ApiClient, ApiError, Parameters};
use crate::client::backoff::Backoff;

/// How long the server is asked to wait for the next event. Proxies end what is silent for a minute.
const WAIT: Duration = Duration::from_secs(30);

/// What was read at once.
#[derive(Deserialize)]
pub(crate) struct Pulled {
    pub(crate) events: Vec<Box<RawValue>>,
    cursor: String,
    /// Says what was missed: a word, or that something was.
    #[serde(default)]
    truncated: Value,
}

/// Whoever follows, and how far it has come.
pub(crate) struct Follower<'a> {
    api: &'a ApiClient,
    /// Which events, and what is told of each.
    query: Parameters,
    after: String,
    is_lost: bool,
}

impl<'a> Follower<'a> {
    /// What is committed from now on.
    pub(crate) async fn from_now(api: &'a ApiClient, query: Parameters) -> Result<Self, CommandError> {
        let mut follower = Self { api, query, after: "now".to_owned(), is_lost: false };
        // Without waiting: a position that is never answered would be lost.
        follower.after = follower.pull(Duration::ZERO).await?.cursor;
        if io::stderr().is_terminal() {
            output::aside("Waiting for events. Ctrl-C ends it.");
        }
        Ok(follower)
    }

    /// The next events, whenever they come.
    pub(crate) async fn next(&mut self) -> Result<Pulled, CommandError> {
        let mut backoff = Backoff::default();
        loop {
            match self.pull(WAIT).await {
                Ok(pulled) => {
                    if std::mem::take(&mut self.is_lost) {
                        output::aside("The server answers again. Events that came meanwhile follow.");
                    }
                    backoff.reset();
                    tell_truncated(&pulled.truncated);
                    self.after.clone_from(&pulled.cursor);
                    if !pulled.events.is_empty() {
                        return Ok(pulled);
                    }
                }
                Err(error) => self.wait_after(error, backoff.next()).await?,
            }
        }
    }

    async fn pull(&self, wait: Duration) -> Result<Pulled, ApiError> {
        let mut query = self.query.clone();
        query.extend([("after", self.after.clone()), ("wait", wait.as_secs().to_string())]);
        self.api.follow("/events", &query, wait).await
    }

    /// Waits where the same may be answered later, and says so once.
    async fn wait_after(&mut self, error: ApiError, pause: Duration) -> Result<(), CommandError> {
        if !error.is_passing() {
            return Err(error.into());
        }
        if !std::mem::replace(&mut self.is_lost, true) {
            output::aside(&format!("{error}; trying again until it answers."));
        }
        tokio::time::sleep(error.retry_after().unwrap_or_default().max(pause)).await;
        Ok(())
    }
}

fn tell_truncated(truncated: &Value) {
    let why = match truncated.as_str() {
        None if truncated.as_bool() != Some(true) => return,
        Some("unknown") => {
            "unknown: the database was restored since, so events follow by their ids, and some may have been missed"
        }
        Some("retention") => "events that were not read yet have passed the time that they are kept for",
        Some("deletion") => "events that were not read yet were deleted",
        _ => "events that were not read yet have passed the time that they are kept for, or were deleted",
    };
    output::aside(&format!("truncated: {why}"));
}
