//! From a command to its file: opens the database, runs, closes it. `serve` alone is not here, because it needs the server.

use crate::app::installation_keys::installation_keys;
use crate::cli::args::{AccountCommand, Command, EventsCommand, KeysCommand, MailCommand};
use crate::cli::credential::Context;
use crate::cli::ended::Ended;
use crate::cli::failure::CommandError;
use crate::cli::{
    account, api_credentials, api_events, credential, doctor, events, keys, mail, manual, output, ready, token,
};
use crate::client::api::ApiClient;
use crate::clock::Clock;
use crate::config::checked::Config;
use crate::config::remote::Remote;
use crate::database::OpenDatabase;
use crate::domain::audit::Act;
use crate::store::connection::pool::Store;
use crate::store::tables::installation;

/// Runs any command but `serve`. A command that is asked to end stops where it is: what it had not committed did not happen.
pub async fn run(
    command: Command,
    config: &Config,
    asked_to_end: impl Future<Output = ()>,
) -> Result<Ended, CommandError> {
    // These need no database.
    if let Command::Doctor { ready: true, .. } = command {
        return ready::run(config).await;
    }
    if let Command::Generate { what } = command {
        output::text(&manual::generate(what))?;
        return Ok(Ended::Well);
    }
    if let Command::Mail(MailCommand::Test { address, json }) = &command {
        return mail::test(config, address, Clock::system().now(), *json).await.map(|()| Ended::Well);
    }
    if let Some(remote) = &config.remote {
        return run_over_api(command, remote, asked_to_end).await;
    }
    let database = match command {
        // What doctor has to say about a schema that is behind would be untrue after opening it in the usual way.
        Command::Doctor { .. } => OpenDatabase::open_as_it_is(config).await?,
        Command::Serve | Command::Migrate | Command::Account(AccountCommand::Create { .. }) => {
            OpenDatabase::open(config).await?
        }
        // Whoever asks what is there has not come to make a new database, but to the wrong directory.
        Command::Account(_)
        | Command::Credential(_)
        | Command::Token(_)
        | Command::Events(_)
        | Command::Mail(_)
        | Command::Keys(_)
        | Command::Generate { .. } => OpenDatabase::open_existing(config).await?,
    };
    // What follows events has no other end.
    let is_endless = matches!(command, Command::Events(EventsCommand::Tail { .. }));
    let outcome = tokio::select! {
        outcome = run_over(command, config, &database) => outcome,
        () = asked_to_end => if is_endless { Ok(Ended::Well) } else { Err(CommandError::refused("interrupted")) },
    };
    database.close().await;
    outcome
}

/// The same with the API of a server in place of the database.
async fn run_over_api(
    command: Command,
    remote: &Remote,
    asked_to_end: impl Future<Output = ()>,
) -> Result<Ended, CommandError> {
    let api = ApiClient::new(&remote.server, remote.token.clone())?;
    match command {
        Command::Events(command @ (EventsCommand::Tail { .. } | EventsCommand::Listen { .. })) => {
            api_events::run(command, &api, asked_to_end).await?;
        }
        command => tokio::select! {
            outcome = run_once_over_api(command, &api) => outcome?,
            () = asked_to_end => return Err(CommandError::refused("interrupted")),
        },
    }
    Ok(Ended::Well)
}

async fn run_once_over_api(command: Command, api: &ApiClient) -> Result<(), CommandError> {
    match command {
        Command::Credential(command) => api_credentials::run(command, api).await,
        Command::Events(command) => api_events::run(command, api, std::future::pending()).await,
        _ => Err(CommandError::refused("this cannot be done over the API")),
    }
}

async fn run_over(command: Command, config: &Config, database: &OpenDatabase) -> Result<Ended, CommandError> {
    let store = &database.store;
    let act = Act::on_command_line(Clock::system().now());
    match command {
        Command::Serve | Command::Generate { .. } | Command::Mail(MailCommand::Test { .. }) => {
            Err(CommandError::refused("this is not run from here"))
        }
        Command::Migrate => {
            output::say("The database schema is current.")?;
            Ok(Ended::Well)
        }
        Command::Doctor { json, .. } => {
            let is_well = doctor::run(config, database, act.at, json).await?;
            Ok(if is_well { Ended::Well } else { Ended::FoundProblems })
        }
        Command::Account(command) => {
            let creates = matches!(command, AccountCommand::Create { .. });
            if creates {
                // On an installation that never served, the command line comes first.
                installation_keys(store, &config.outside_keys, act.at).await?;
            }
            account::run(command, store, &pages(config, store).await?, &act).await?;
            // The account may be meant for a program that serves another database: from there it would seem lost.
            if let Some(directory) = database.made_in().filter(|_| creates) {
                output::aside(&format!(
                    "note: there was no database, so this made one of its own in {}; a `serve` that runs elsewhere, or with \
                     another DATABASE_URL, does not see the account",
                    directory.display()
                ));
            }
            Ok(Ended::Well)
        }
        Command::Credential(_) | Command::Token(_) => {
            let context = Context {
                store,
                keys: &installation_keys(store, &config.outside_keys, act.at).await?,
                ingest_url: &endpoint(config, store).await?,
                act: &act,
            };
            match command {
                Command::Credential(command) => credential::run(command, context).await,
                Command::Token(command) => token::run(command, &context).await.map(|()| Ended::Well),
                _ => Ok(Ended::Well),
            }
        }
        Command::Keys(KeysCommand::Rotate { json }) => {
            let keys = installation_keys(store, &config.outside_keys, act.at).await?;
            keys::rotate(store, &keys, &act, json).await?;
            Ok(Ended::Well)
        }
        Command::Mail(MailCommand::List { limit, before, json }) => {
            mail::list(store, before, limit, json).await.map(|()| Ended::Well)
        }
        Command::Events(command) => events::run(command, store, &act).await.map(|()| Ended::Well),
    }
}

/// The origin of the pages: what was configured here, else that of the endpoint that the program served last.
async fn pages(config: &Config, store: &Store) -> Result<String, CommandError> {
    if config.names_addresses() {
        return Ok(config.public_origin(config.bind));
    }
    let served = installation::ingest_url(&mut *store.connection().await?).await?;
    let origin = served.and_then(|url| Some(url::Url::parse(&url).ok()?.origin().ascii_serialization()));
    Ok(origin.unwrap_or_else(|| config.public_origin(config.bind)))
}

/// The endpoint as users are shown it: what was configured here, else what the program served last.
async fn endpoint(config: &Config, store: &Store) -> Result<String, CommandError> {
    let served = match config.names_addresses() {
        true => None,
        false => installation::ingest_url(&mut *store.connection().await?).await?,
    };
    Ok(served.unwrap_or_else(|| config.endpoint(config.bind)))
}
