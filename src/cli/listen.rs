//! `events listen`: events as they are stored, printed, or posted to a program on this machine.

use std::io::{self, Write};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::value::RawValue;

use crate::cli::api_event::Event;
use crate::cli::failure::CommandError;
use crate::cli::follow::Follower;
use crate::cli::forward::{Outcome, Target};
use crate::cli::tail::print_event;
use crate::client::api::ApiClient;

/// How long an end waits for the last acknowledgement.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Where events go.
pub(crate) struct Listening {
    target: Option<Target>,
    json: bool,
}

impl Listening {
    pub(crate) fn new(forward: Option<&str>, allow_remote: bool, json: bool) -> Result<Self, CommandError> {
        let target = forward.map(|url| Target::new(url, allow_remote)).transpose()?;
        Ok(Self { target, json })
    }

    /// Hands one on, as often as it takes; whether that was done before the end.
    async fn deliver(
        &self,
        api: &ApiClient,
        event: &RawValue,
        ended: impl Future<Output = ()>,
    ) -> Result<bool, CommandError> {
        let Some(target) = &self.target else {
            print_line(event)?;
            return Ok(true);
        };
        let event = Event::read(event)?;
        let outcome = target.deliver(api, &event, ended).await?;
        if outcome == Outcome::Delivered {
            print_event(event.record(), "", self.json)?;
        }
        Ok(outcome != Outcome::Ended)
    }
}

/// Goes on until it is asked to end, and ends after the event in hand.
pub(crate) async fn run(
    listening: &Listening,
    api: &ApiClient,
    mut follower: Follower<'_>,
    asked_to_end: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    let ended = asked_to_end.shared();
    loop {
        let pulled = tokio::select! {
            pulled = follower.next() => pulled?,
            () = ended.clone() => return Ok(()),
        };
        let (mut done, mut goes_on) = (0, true);
        for event in &pulled.events {
            let delivered = match listening.deliver(api, event, ended.clone()).await {
                // Whoever reads has read enough, as `head` does.
                Err(error) if error.is_reader_gone() => false,
                other => other?,
            };
            done += usize::from(delivered);
            goes_on = delivered && ended.clone().now_or_never().is_none();
            if !goes_on {
                break;
            }
        }
        // An end does not wait for a server that is away: what it does not know to be delivered comes again.
        tokio::select! {
            acknowledged = follower.acknowledge(&pulled, done) => acknowledged?,
            () = ended.clone().then(|()| tokio::time::sleep(LAST_ANSWER_WITHIN)) => goes_on = false,
        }
        if !goes_on {
            return Ok(());
        }
    }
}

/// One line: line breaks in JSON stand between tokens only, so a space says the same.
fn print_line(event: &RawValue) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", event.get().replace(['\n', '\r'], " "))?;
    out.flush()
}
