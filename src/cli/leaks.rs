//! `credential check`: which of this installation's passwords a text contains. The passwords themselves are never printed.

use std::io::Read;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::find_leaks::{Leak, LeakSearch};
use crate::cli::ended::Ended;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::installation::InstallationKeys;
use crate::domain::masked::masked;
use crate::hashing::Hasher;
use crate::store::connection::pool::Store;

/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How many pieces may wait.
const PIECES: usize = 4;

#[derive(Serialize)]
struct Printed<'a> {
    /// `null` of an API token.
    username: Option<&'a str>,
    name: &'a str,
    hint: &'a str,
    state: &'a str,
    line: u64,
    times: u64,
}

/// Reads standard input to its end, whatever it is.
pub(crate) async fn check(
    store: &Store,
    keys: &InstallationKeys,
    now: Timestamp,
    json: bool,
) -> Result<Ended, CommandError> {
    let mut search = LeakSearch::begin(store, Hasher::new(1, 1), keys, now).await?;
    let mut chunks = standard_input();
    while let Some(chunk) = chunks.recv().await {
        search.feed(&chunk?).await?;
    }
    let leaks = search.finish().await?;
    print(&leaks, json)?;
    Ok(if leaks.is_empty() { Ended::Well } else { Ended::FoundLeaks })
}

/// Read on a thread of its own, which nobody waits for: a terminal on which nothing is typed must not keep the program from ending.
fn standard_input() -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut chunk = vec![0; PIECE_BYTES];
            let read = match input.read(&mut chunk) {
                Ok(0) => return,
                Ok(length) => {
                    chunk.truncate(length);
                    Ok(chunk)
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

fn print(leaks: &[Leak], json: bool) -> Result<(), CommandError> {
    if json {
        let printed = |leak: &'_ Leak| -> serde_json::Value {
            let Leak { username, name, hint, state, line, times } = leak;
            let (username, state, line, times) =
                (username.as_ref().map(|username| username.as_str()), state.as_str(), *line, *times);
            serde_json::to_value(Printed { username, name, hint, state, line, times }).unwrap_or_default()
        };
        return Ok(output::json(&leaks.iter().map(printed).collect::<Vec<_>>())?);
    }
    if leaks.is_empty() {
        return Ok(output::say("No password of this installation is in it.")?);
    }
    let row = |leak: &Leak| {
        [
            leak.line.to_string(),
            leak.times.to_string(),
            leak.username.as_ref().map_or("API token", |username| username.as_str()).to_owned(),
            leak.name.clone(),
            format!("{}…", masked(&leak.hint).trim_end_matches('•')),
            leak.state.as_str().to_owned(),
        ]
    };
    let rows: Vec<_> = leaks.iter().map(row).collect();
    Ok(output::table(["LINE", "TIMES", "USERNAME", "NAME", "PASSWORD", "IS"], &rows)?)
}
