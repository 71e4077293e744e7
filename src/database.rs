//! The database that the configuration names: an existing one, or a server of the program's own, which is started here and let go
//! of at the end.

use std::time::Duration;

use crate::config::checked::{Config, Database};
use crate::config::options::DEFAULT_DATA_DIR;
use crate::store::embedded::cluster::Cluster;
use crate::store::embedded::error::EmbeddedError;
use crate::store::error::StoreError;
use crate::store::migrate::{self, Migrated};
use crate::store::pool::Store;
use crate::store::settings;

/// Between two looks at whether a server of our own is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A database that is open, and the server behind it, if it is ours.
#[derive(Debug)]
pub struct OpenDatabase {
    pub store: Store,
    cluster: Option<Cluster>,
    /// The same server again, each time it had to be started anew.
    revived: tokio::sync::Mutex<Vec<Cluster>>,
    description: String,
}

/// What becomes of a database of the program's own that is not there.
#[derive(Clone, Copy)]
enum Missing {
    IsMade,
    IsAnError,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error("{0}. Check --database-url (DATABASE_URL) and that the server runs")]
    Unreachable(StoreError),
    #[error("{0}")]
    Migration(StoreError),
    #[error(
        "the database has the encoding {0}, which cannot hold every JSON: create one with create database NAME encoding \
         'UTF8' template template0"
    )]
    Encoding(String),
}

impl OpenError {
    /// Whether no PostgreSQL server is installed on this machine.
    pub fn is_missing_server(&self) -> bool {
        matches!(self, OpenError::Embedded(error) if error.is_missing_server())
    }
}

impl OpenDatabase {
    /// Opens it, makes what is missing of a database of the program's own, and brings the schema up to date.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        Self::connect(config, Missing::IsMade).await?.prepared().await
    }

    /// Opens it and brings the schema up to date, if it is there or a directory was named for it.
    pub async fn open_existing(config: &Config) -> Result<Self, OpenError> {
        Self::connect(config, Missing::IsAnError).await?.prepared().await
    }

    /// Opens it without touching its schema, if it is there or a directory was named for it.
    pub async fn open_as_it_is(config: &Config) -> Result<Self, OpenError> {
        Self::connect(config, Missing::IsAnError).await
    }

    async fn prepared(self) -> Result<Self, OpenError> {
        let database = self;
        match database.prepare().await {
            Ok(migrated) => {
                if !migrated.applied.is_empty() {
                    tracing::debug!(applied = ?migrated.applied, "migrated the database");
                }
                Ok(database)
            }
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    /// Brings the schema up to date, in a database that can hold what it is for.
    async fn prepare(&self) -> Result<Migrated, OpenError> {
        let failed = |error: StoreError| {
            if error.is_unavailable() { OpenError::Unreachable(error) } else { OpenError::Migration(error) }
        };
        let mut conn = self.store.own_connection().await.map_err(failed)?;
        let encoding = settings::encoding(&mut conn).await.map_err(failed)?;
        if encoding != "UTF8" {
            return Err(OpenError::Encoding(encoding));
        }
        migrate::run(&self.store).await.map_err(failed)
    }

    async fn connect(config: &Config, missing: Missing) -> Result<Self, OpenError> {
        match &config.database {
            Database::Existing(url) => Ok(Self {
                store: Store::open(url.reveal()).await.map_err(OpenError::Unreachable)?,
                cluster: None,
                revived: tokio::sync::Mutex::default(),
                description: describe(url.reveal()),
            }),
            Database::Embedded(data_dir) => {
                let search_path = config.search_path.as_deref();
                // Who names a directory means it; who names none may have come to the wrong one.
                let is_named = data_dir.as_os_str() != DEFAULT_DATA_DIR;
                let cluster = match missing {
                    Missing::IsAnError if !is_named => Cluster::start_existing(data_dir, search_path).await?,
                    Missing::IsAnError | Missing::IsMade => Cluster::start(data_dir, search_path).await?,
                };
                let description =
                    format!("PostgreSQL {} of its own, in {}", cluster.major(), cluster.directory().display());
                match Store::open(cluster.database_url()).await {
                    Ok(store) => {
                        Ok(Self { store, cluster: Some(cluster), revived: tokio::sync::Mutex::default(), description })
                    }
                    Err(error) => {
                        stop(cluster).await;
                        Err(OpenError::Unreachable(error))
                    }
                }
            }
        }
    }

    /// Which database, in words, without its password.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where a server of our own keeps its files.
    pub fn directory(&self) -> Option<&std::path::Path> {
        self.cluster.as_ref().map(Cluster::directory)
    }

    /// Where a server of our own keeps its files, if this made them: there was no database here before.
    pub fn made_in(&self) -> Option<&std::path::Path> {
        self.cluster.as_ref().filter(|cluster| cluster.is_new()).map(Cluster::directory)
    }

    /// Whether a server of our own could not live in the data directory.
    pub fn is_elsewhere(&self) -> bool {
        self.cluster.as_ref().is_some_and(Cluster::is_elsewhere)
    }

    /// Starts a server of our own again whenever it is gone: killed by hand, or by a machine that ran out of memory. Runs until it
    /// is dropped.
    pub async fn keep_running(&self, config: &Config) {
        let (Database::Embedded(data_dir), Some(_)) = (&config.database, &self.cluster) else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // A pool whose connections are all taken by slow pages says nothing about the server.
            if self.store.connection().await.is_ok() || self.store.own_connection().await.is_ok() {
                continue;
            }
            tracing::warn!("the database server is gone: starting it again");
            match Cluster::start(data_dir, config.search_path.as_deref()).await {
                Ok(cluster) => self.revived.lock().await.push(cluster),
                Err(error) => tracing::error!(%error, "the database server could not be started again"),
            }
        }
    }

    /// Closes it. A server of our own stops with the last program that uses it.
    pub async fn close(self) {
        drop(self.store);
        for cluster in self.revived.into_inner().into_iter().chain(self.cluster) {
            stop(cluster).await;
        }
    }
}

async fn stop(cluster: Cluster) {
    if let Err(error) = cluster.stop().await {
        tracing::error!(%error, "the database server did not stop cleanly");
    }
}

/// Host and name of an address whose user and password are nobody's business.
fn describe(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) => {
            let host = url.host_str().unwrap_or("a Unix socket");
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{} on {host}{port}", url.path().trim_start_matches('/'))
        }
        Err(_) => "as DATABASE_URL says".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn a_description_has_no_password() {
        assert_eq!(describe("postgresql://user:canary@db.example:5433/events"), "events on db.example:5433");
        assert_eq!(describe("host=/run/x user=canary"), "as DATABASE_URL says");
    }
}
