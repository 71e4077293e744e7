//! `events …` over the API: listed, printed, exported, followed.

use std::io::{self, Write};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::app::export::BYTE_ORDER_MARK;
use crate::cli::api_event::Event;
use crate::cli::args::{EventsCommand, FilterArgs};
use crate::cli::consumer::Consumer;
use crate::cli::events::{Told, export_form, parse_query, print_list};
use crate::cli::failure::CommandError;
use crate::cli::follow::Follower;
use crate::cli::listen::{self, Listening};
use crate::cli::tail::print_event;
use crate::client::api::{ApiClient, Parameters};
use crate::client::http::next_part;
use crate::clock::Clock;
use crate::domain::event::EventId;
use crate::domain::time::parse_bound;

/// All that is kept of an event.
fn whole() -> (&'static str, String) {
    ("include", "body,headers".to_owned())
}

/// The most that the API gives at once.
const PAGE: usize = 200;

#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
    next_cursor: Option<String>,
}

/// `asked_to_end` ends what goes on until then.
pub(crate) async fn run(
    command: EventsCommand,
    api: &ApiClient,
    asked_to_end: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    match command {
        EventsCommand::List { limit, which, json, .. } => list(api, which, limit, json).await,
        EventsCommand::Tail { credential, query, json, .. } => tokio::select! {
            outcome = tail(api, credential, query, json) => outcome,
            () = asked_to_end => Ok(()),
        },
        EventsCommand::Listen { consumer, forward, allow_remote, credential, query, json } => {
            let listening = Listening::new(forward.as_deref(), allow_remote, json)?;
            parse_query(query.clone())?;
            let follower = match consumer {
                Some(name) => {
                    let consumer = Consumer::named(api, &name, credential.as_deref(), query.as_deref()).await?;
                    Follower::of(api, consumer, vec![whole()])
                }
                None => {
                    let which = which_of(credential, query)?.into_iter().chain([whole()]);
                    Follower::from_now(api, which.collect()).await?
                }
            };
            listen::run(&listening, api, follower, asked_to_end).await
        }
        EventsCommand::Body { id, .. } => {
            let missing = || CommandError::Refused(format!("the account has no event {id}: see `events list`"));
            let id: EventId = id.parse().map_err(|_| missing())?;
            let body = api.stream(&format!("/events/{id}/body"), &Parameters::new()).await;
            let mut body = body.map_err(|error| if error.is_not_found() { missing() } else { error.into() })?;
            let mut out = io::stdout().lock();
            while let Some(part) = next_part(&mut body).await.map_err(|error| api.lost(error))? {
                out.write_all(&part)?;
            }
            Ok(out.flush()?)
        }
        EventsCommand::Export { which, format, fields, bom, progress, .. } => {
            let fields = fields.unwrap_or_default();
            export_form(&format, &fields, bom)?;
            let form = [("format", format), ("fields", fields)].into_iter().filter(|(_, value)| !value.is_empty());
            export(api, parameters(which)?.into_iter().chain(form).collect(), bom, progress).await
        }
    }
}

fn which_of(credential: Option<String>, query: Option<String>) -> Result<Parameters, CommandError> {
    parameters(FilterArgs { credential, query, since: None, until: None })
}

/// What the options say about which events; what is wrong with them is said before the API is asked.
fn parameters(FilterArgs { credential, query, since, until }: FilterArgs) -> Result<Parameters, CommandError> {
    parse_query(query.clone())?;
    let now = Clock::system().now();
    for bound in [&since, &until].into_iter().flatten() {
        parse_bound(bound, now).map_err(CommandError::refused)?;
    }
    let all = [("credential", credential), ("q", query), ("since", since), ("until", until)];
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect())
}

async fn list(api: &ApiClient, which: FilterArgs, limit: usize, json: bool) -> Result<(), CommandError> {
    let (which, mut found, mut cursor) = (parameters(which)?, Vec::new(), Some(String::new()));
    while let Some(from) = cursor.take().filter(|_| found.len() < limit) {
        let mut query = which.clone();
        query.extend([("limit", PAGE.min(limit - found.len()).to_string()), ("cursor", from)]);
        let page: Page = api.get("/events", &query).await?;
        found.extend(page.events);
        cursor = page.next_cursor;
    }
    print_list(found.iter().map(Event::record).collect(), json)
}

async fn tail(
    api: &ApiClient,
    credential: Option<String>,
    query: Option<String>,
    json: bool,
) -> Result<(), CommandError> {
    let mut which = which_of(credential, query)?;
    if !json {
        which.push(("include", "body".to_owned()));
    }
    let mut follower = Follower::from_now(api, which).await?;
    loop {
        for event in &follower.next().await?.events {
            let event = Event::read(event)?;
            let body = event.body.as_deref().map_or("", RawValue::get);
            match print_event(event.record(), body, json) {
                // Whoever reads has read enough, as `head` does.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                other => other?,
            }
        }
    }
}

async fn export(api: &ApiClient, query: Parameters, bom: bool, wants_progress: bool) -> Result<(), CommandError> {
    let (mut told, mut bytes) = (Told::new(wants_progress), 0);
    let mut body = api.stream("/events/export", &query).await?;
    let mut out = io::stdout().lock();
    if bom {
        out.write_all(BYTE_ORDER_MARK)?;
    }
    let line = |bytes: usize| format!("{:.1} MB written", bytes as f64 / 1e6);
    while let Some(part) = next_part(&mut body).await.map_err(|error| api.lost(error))? {
        match out.write_all(&part) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
        bytes += part.len();
        told.tell(|| line(bytes));
    }
    out.flush()?;
    told.end(line(bytes));
    Ok(())
}
