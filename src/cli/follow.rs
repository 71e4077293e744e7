//! Following events over the API, in the order in which they were committed: what comes while the server is away follows when it is back.

use std::io::{self, IsTerminal};
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::cli::consumer::Consumer;
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
    truncated: Value,
}

/// Who knows how far somebody has come who follows.
enum Position {
    /// The follower, by a cursor.
    After(String),
    /// The server, by what was acknowledged.
    Consumer(Consumer),
}

/// Whoever follows.
pub(crate) struct Follower<'a> {
    api: &'a ApiClient,
    position: Position,
    /// Which events, and what is told of each.
    query: Parameters,
    is_lost: bool,
}

impl<'a> Follower<'a> {
    /// What is committed from now on.
    pub(crate) async fn from_now(api: &'a ApiClient, query: Parameters) -> Result<Self, CommandError> {
        let position = Position::After("now".to_owned());
        let mut follower = Self { api, position, query, is_lost: false };
        // Without waiting: a position that is never answered would be lost.
        follower.position = Position::After(follower.pull(&[("wait", 0)]).await?.cursor);
        say_that_it_waits();
        Ok(follower)
    }

    /// What a consumer has not acknowledged, and then what is committed.
    pub(crate) fn of(api: &'a ApiClient, consumer: Consumer, query: Parameters) -> Self {
        say_that_it_waits();
        Self { api, position: Position::Consumer(consumer), query, is_lost: false }
    }

    /// The next events, whenever they come; none of them where there is a loss alone to acknowledge.
    pub(crate) async fn next(&mut self) -> Result<Pulled, CommandError> {
        let mut backoff = Backoff::default();
        loop {
            match self.pull(&[("wait", WAIT.as_secs())]).await {
                Ok(pulled) => {
                    self.note_answer();
                    backoff.reset();
                    let is_loss = tell_truncated(&pulled.truncated);
                    if let Position::After(cursor) = &mut self.position {
                        cursor.clone_from(&pulled.cursor);
                    }
                    if is_loss || !pulled.events.is_empty() {
                        return Ok(pulled);
                    }
                }
                Err(error) => self.wait_after(error, &mut backoff).await?,
            }
        }
    }

    /// Lets the consumer go on behind the first of what was pulled.
    pub(crate) async fn acknowledge(&mut self, pulled: &Pulled, done: usize) -> Result<(), CommandError> {
        let mut backoff = Backoff::default();
        while let Err(error) = self.try_to_acknowledge(pulled, done).await {
            self.wait_after(error, &mut backoff).await?;
        }
        self.note_answer();
        Ok(())
    }

    async fn try_to_acknowledge(&self, pulled: &Pulled, done: usize) -> Result<(), ApiError> {
        let Position::Consumer(consumer) = &self.position else { return Ok(()) };
        let is_whole = done == pulled.events.len();
        let mut cursor = pulled.cursor.clone();
        if !is_whole {
            // What was handed out comes again, and less of it has a cursor of its own.
            let first = if done == 0 { return Ok(()) } else { self.pull(&[("limit", done as u64)]).await? };
            let texts =
                |events: &[Box<RawValue>]| events.iter().map(|event| event.get().to_owned()).collect::<Vec<_>>();
            if texts(&first.events) != texts(&pulled.events[..done]) {
                return Ok(());
            }
            cursor = first.cursor;
        }
        let path = format!("/consumers/{}/ack", consumer.id);
        match self.api.send::<Consumer>(Method::POST, &path, &json!({ "cursor": cursor })).await {
            Err(error) if error.is_unprocessable() => {
                output::aside("The consumer was moved meanwhile, and goes on from there.");
                Ok(())
            }
            other => other.map(drop),
        }
    }

    async fn pull(&self, how: &[(&'static str, u64)]) -> Result<Pulled, ApiError> {
        let mut query = self.query.clone();
        let path = match &self.position {
            Position::After(cursor) => {
                query.push(("after", cursor.clone()));
                "/events".to_owned()
            }
            Position::Consumer(consumer) => format!("/consumers/{}/events", consumer.id),
        };
        query.extend(how.iter().map(|(name, number)| (*name, number.to_string())));
        self.api.follow(&path, &query, WAIT).await
    }

    fn note_answer(&mut self) {
        if std::mem::take(&mut self.is_lost) {
            output::aside("The server answers again. Events that came meanwhile follow.");
        }
    }

    /// Waits where the same may be answered later, and says so once.
    async fn wait_after(&mut self, error: ApiError, backoff: &mut Backoff) -> Result<(), CommandError> {
        if !error.is_passing() {
            return Err(error.into());
        }
        if !std::mem::replace(&mut self.is_lost, true) {
            output::aside(&format!("{error}; trying again until it answers."));
        }
        tokio::time::sleep(error.retry_after().unwrap_or_default().max(backoff.next())).await;
        Ok(())
    }
}

fn say_that_it_waits() {
    if io::stderr().is_terminal() {
        output::aside("Waiting for events. Ctrl-C ends it.");
    }
}

/// Whether something was missed, which is said.
fn tell_truncated(truncated: &Value) -> bool {
    let why = match truncated.as_str() {
        None if truncated.as_bool() != Some(true) => return false,
        Some("unknown") => {
            "the database was restored since, so events follow by their ids: some may come again, or be missing"
        }
        Some("retention") => "events that were not read yet have passed the time that they are kept for",
        Some("deletion") => "events that were not read yet were deleted",
        _ => "events that were not read yet have passed the time that they are kept for, or were deleted",
    };
    output::aside(&format!("truncated: {why}"));
    true
}
