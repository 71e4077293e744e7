//! `events listen`: events as they are stored, printed, or posted to a program on this machine.

use std::io::{self, Write};

use futures_util::FutureExt;
use serde_json::value::RawValue;

use crate::cli::api_event::Event;
use crate::cli::failure::CommandError;
use crate::cli::follow::Follower;
use crate::cli::forward::{Outcome, Target};
use crate::cli::tail::print_event;
use crate::client::api::{ApiClient, Parameters};

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

    /// Hands one on, as often as it takes; whether to go on.
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
    mut query: Parameters,
    asked_to_end: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    query.push(("include", "body,headers".to_owned()));
    let ended = asked_to_end.shared();
    let mut follower = tokio::select! {
        follower = Follower::from_now(api, query) => follower?,
        () = ended.clone() => return Ok(()),
    };
    loop {
        let pulled = tokio::select! {
            pulled = follower.next() => pulled?,
            () = ended.clone() => return Ok(()),
        };
        for event in &pulled.events {
            match listening.deliver(api, event, ended.clone()).await {
                // Whoever reads has read enough, as `head` does.
                Err(error) if error.is_reader_gone() => return Ok(()),
                outcome => {
                    if !outcome? || ended.clone().now_or_never().is_some() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// One line: line breaks in JSON stand between tokens only, so a space says the same.
fn print_line(event: &RawValue) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", event.get().replace(['\n', '\r'], " "))?;
    out.flush()
}
