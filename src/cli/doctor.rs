//! `doctor`: checks what durability depends on, and what else goes wrong in practice. A line for each check.

use jiff::Timestamp;

use crate::cli::addresses;
use crate::cli::checks::{self, Check, State};
use crate::cli::failure::CommandError;
use crate::cli::mail;
use crate::cli::output;
use crate::config::checked::Config;
use crate::database::OpenDatabase;
use crate::store::connection::migrate;
use crate::store::tables::installation;

/// Prints the checks; `false` when one of them fails.
pub(crate) async fn run(
    config: &Config,
    database: &OpenDatabase,
    now: Timestamp,
    as_json: bool,
) -> Result<bool, CommandError> {
    let (of_database, served) = database_checks(config, database, now).await?;
    let mut found = addresses::checks(config, served.as_deref());
    found.extend(of_database);
    if let Some(directory) = database.directory() {
        found.push(checks::programs(database.outdated_server().await));
        found.push(checks::disk(directory));
    }
    found.extend(mail::check(config).await);
    if as_json {
        output::json(&found)?;
    } else {
        for check in &found {
            output::say(&line(check))?;
        }
    }
    Ok(found.iter().all(|check| check.state != State::Fail))
}

/// With the endpoint that `serve` last showed senders, where the database says so.
async fn database_checks(
    config: &Config,
    database: &OpenDatabase,
    now: Timestamp,
) -> Result<(Vec<Check>, Option<String>), CommandError> {
    let Ok(mut conn) = database.store.connection().await else {
        // The pool only knows that it got nothing in time; a connection of one's own says why.
        let problem = database.store.own_connection().await;
        let problem = problem.map_or_else(|error| error.to_string(), |_| "the database is slow".into());
        let remedy = "check --database-url (DATABASE_URL) and that the server runs";
        return Ok((vec![Check::fail("database", problem, remedy)], None));
    };
    let mut found = vec![Check::ok("database", format!("database: {}", database.description()))];
    found.extend(checks::server(&mut conn, config, now).await?);
    let pending = migrate::pending(&database.store).await?;
    if !pending.is_empty() {
        let what = format!("pending migrations: {}", pending.join(", "));
        found.push(Check::fail("migrations", what, "run `reasoner-webhooks migrate`"));
        return Ok((found, None));
    }
    found.push(Check::ok("migrations", "no migration is pending"));
    found.extend(checks::contents(&mut database.store.owner_connection().await?, now).await?);
    found.extend(checks::keys(&mut conn, config).await?);
    found.extend(checks::storing(&database.store, now).await);
    Ok((found, installation::ingest_url(&mut conn).await?))
}

fn line(Check { state, found, remedy, .. }: &Check) -> String {
    match state {
        State::Ok => format!("ok    {found}"),
        State::Hint => format!("hint  {found}: {remedy}"),
        State::Fail => format!("FAIL  {found}: {remedy}"),
    }
}
