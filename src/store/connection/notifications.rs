//! LISTEN and NOTIFY.
//!
//! Word from one program to the others over the same database that something of an account has arrived. A hint and no more: whoever
//! hears it reads the database.

use std::time::Duration;

use diesel::sql_types::{Array, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::connection::statement::statement;

const NOTIFY: &str = "select pg_notify('reasoner_webhooks', payload) from unnest($1) as payload";

/// After how long without a notification the server is asked whether it is there, and how long it may take to answer.
const CHECK_AFTER: Duration = Duration::from_secs(10);
const MAX_SILENCE: Duration = Duration::from_secs(2);

/// Tells all programs that listen, this one included. `sender` says who told.
pub(crate) async fn send(conn: &mut Connection, sender: Uuid, accounts: &[AccountId]) -> Result<(), StoreError> {
    let payloads: Vec<String> = accounts.iter().map(|account| format!("{sender} {}", account.0)).collect();
    statement(NOTIFY).bind::<Array<Text>, _>(payloads).execute(conn).await?;
    Ok(())
}

/// A connection that listens, and does nothing else.
pub(crate) struct Subscription(Connection);

impl Subscription {
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let mut connection = store.own_connection().await?;
        connection.batch_execute("listen reasoner_webhooks").await?;
        Ok(Self(connection))
    }

    /// The next word: who told, and of which account. An error means that words may have been missed.
    pub(crate) async fn next(&mut self) -> Result<(Uuid, AccountId), StoreError> {
        loop {
            let notification =
                timeout(CHECK_AFTER, async { std::pin::pin!(self.0.notifications_stream()).next().await }).await;
            let Ok(notification) = notification else {
                // A server that hangs says as little as one that has nothing to say.
                let silent = |_| StoreError::Unavailable("the connection that listens is silent".to_owned());
                timeout(MAX_SILENCE, self.0.batch_execute("")).await.map_err(silent)??;
                continue;
            };
            let ended = || StoreError::Unavailable("the connection that listens has ended".to_owned());
            // What cannot be read comes from somebody else who uses the same channel.
            if let Some(word) = read(&notification.ok_or_else(ended)??.payload) {
                return Ok(word);
            }
        }
    }
}

fn read(payload: &str) -> Option<(Uuid, AccountId)> {
    let (sender, account) = payload.split_once(' ')?;
    Some((sender.parse().ok()?, AccountId(account.parse().ok()?)))
}
