//! The first connection to a server that says it is ready, and the one database in it.
//!
//! Tables are for the migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::embedded::error::EmbeddedError;
use crate::embedded::installation::Version;

/// The superuser role that initdb makes.
pub(crate) const ROLE: &str = "reasoner";
/// The one that the program does its daily work as.
pub(crate) const PROGRAM_ROLE: &str = "reasoner_program";
pub(crate) const DATABASE: &str = "reasoner_webhooks";
/// The one that initdb makes, to connect to while ours is missing.
const FIRST_DATABASE: &str = "postgres";
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// What a try to use the server came to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It answers, and our database exists.
    Ready,
    /// It answers, but is not letting anyone in at the moment.
    NotYet,
    /// Nobody answers at the socket.
    Silence,
}

/// Connects through the socket in this directory and makes our database where it is missing. `cluster` is for messages.
pub(crate) async fn prepare(socket_directory: &Path, cluster: &Path) -> Result<Answer, EmbeddedError> {
    // A server that was stopped in its tracks takes connections and says nothing.
    let Ok(tried) = timeout(TIME_LIMIT, try_to_prepare(socket_directory)).await else {
        return Ok(Answer::Silence);
    };
    match tried {
        Ok(()) => Ok(Answer::Ready),
        Err(error) if error.code().is_some_and(is_passing) => Ok(Answer::NotYet),
        // An answer from the server has a code. All else is about the connection.
        Err(error) if error.code().is_none() => Ok(Answer::Silence),
        Err(error) => Err(EmbeddedError::Database {
            directory: cluster.to_owned(),
            cause: error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string),
        }),
    }
}

async fn try_to_prepare(socket_directory: &Path) -> Result<(), tokio_postgres::Error> {
    let client = connect(socket_directory).await?;
    if client.query_opt("select from pg_roles where rolname = $1", &[&PROGRAM_ROLE]).await?.is_none() {
        // What `doctor` looks at is for those who may monitor the server.
        client.batch_execute(&format!("create role {PROGRAM_ROLE} login in role pg_monitor")).await?;
    }
    let found = client.query_opt("select from pg_database where datname = $1", &[&DATABASE]).await?;
    if found.is_some() {
        return Ok(());
    }
    client.batch_execute(&format!("create database {DATABASE}")).await
}

/// What a running server says of its own programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) version: Version,
    /// Where it loads libraries from.
    pub(crate) libraries: PathBuf,
}

/// Asks a running server which programs it is made of. `None` where it does not say.
pub(crate) async fn programs(socket_directory: &Path) -> Option<Programs> {
    let ask = async {
        let client = connect(socket_directory).await?;
        let question = "select current_setting('server_version_num')::int, \
                        (select setting from pg_config where name = 'PKGLIBDIR')";
        client.query_one(question, &[]).await
    };
    match timeout(TIME_LIMIT, ask).await {
        Ok(Ok(row)) => {
            let number = u32::try_from(row.get::<_, i32>(0)).unwrap_or(0);
            let libraries: String = row.get(1);
            Some(Programs { version: Version(number / 10_000, number % 10_000), libraries: libraries.into() })
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "the server does not say which programs it runs");
            None
        }
        Err(_) => None,
    }
}

/// Writes everything to disk, so that a stop that follows has little left to write. It may fail: the stop does the same.
pub(crate) async fn checkpoint(socket_directory: &Path) {
    let write = async { connect(socket_directory).await?.batch_execute("checkpoint").await };
    if let Ok(Err(error)) = timeout(TIME_LIMIT, write).await {
        tracing::debug!(%error, "no checkpoint before the stop");
    }
}

/// The connection ends with the client that is given back.
async fn connect(socket_directory: &Path) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host_path(socket_directory).user(ROLE).dbname(FIRST_DATABASE).application_name("reasoner-webhooks start");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the first connection to PostgreSQL broke");
        }
    });
    Ok(client)
}

fn is_passing(code: &SqlState) -> bool {
    [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        // The database or the role is being made: a killed program's last statement may still be running.
        SqlState::DUPLICATE_DATABASE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::UNIQUE_VIOLATION,
        SqlState::OBJECT_IN_USE,
    ]
    .contains(code)
}
