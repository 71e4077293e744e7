//! The database that the configuration names: an existing one, or a server of the program's own, which is started here and let go
//! of at the end.

use std::path::{Path, PathBuf};

use crate::config::checked::{Config, Database};
use crate::embedded::cluster::Cluster;
use crate::embedded::error::EmbeddedError;
use crate::embedded::known_clusters::KnownClusters;
use crate::embedded::running::Outdated;
use crate::embedded::supervisor::{Clients, Supervisor};
use crate::store::connection::error::StoreError;
use crate::store::connection::migrate::{self, Migrated};
use crate::store::connection::pool::{Store, StoreOptions};
use crate::store::connection::settings;

/// A database that is open, and the server behind it, if it is ours.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct OpenDatabase {
    pub store: Store,
    own: Option<Own>,
    description: String,
}

/// A server of the program's own.
#[derive(Debug)]
struct Own {
    directory: PathBuf,
    is_new: bool,
    is_elsewhere: bool,
    supervisor: Supervisor<Store>,
}

/// What becomes of a database of the program's own that is not there.
#[derive(Clone, Copy)]
enum Missing {
    IsMade,
    IsAnError,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
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

    /// Opens it and brings the schema up to date, if it is there.
    pub(crate) async fn open_existing(config: &Config) -> Result<Self, OpenError> {
        Self::connect(config, Missing::IsAnError).await?.prepared().await
    }

    /// Opens it without touching its schema, if it is there.
    pub(crate) async fn open_as_it_is(config: &Config) -> Result<Self, OpenError> {
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
        let mut conn = self.store.owner_connection().await.map_err(failed)?;
        let encoding = settings::encoding(&mut conn).await.map_err(failed)?;
        if encoding != "UTF8" {
            return Err(OpenError::Encoding(encoding));
        }
        migrate::run(&self.store).await.map_err(failed)
    }

    async fn connect(config: &Config, missing: Missing) -> Result<Self, OpenError> {
        match &config.database {
            Database::Existing { url, owner_url } => Ok(Self {
                store: Store::open_as(
                    url.reveal(),
                    owner_url.as_ref().map(|url| url.reveal()),
                    None,
                    store_options(config),
                )
                .await
                .map_err(OpenError::Unreachable)?,
                own: None,
                description: describe(url.reveal()),
            }),
            Database::Embedded(data_dir) => {
                let search_path = config.search_path.as_deref();
                let known = KnownClusters::of_this_user(config.state_home.as_deref());
                let cluster = match missing {
                    Missing::IsMade => Cluster::start(data_dir, search_path, &known).await?,
                    Missing::IsAnError => Cluster::start_existing(data_dir, search_path, &known).await?,
                };
                match Store::open_as(
                    &cluster.program_url(),
                    Some(&cluster.database_url()),
                    Some(cluster.system_identifier()),
                    store_options(config),
                )
                .await
                {
                    Ok(store) => Ok(Self::of_own(cluster, store)),
                    Err(error) => {
                        log_failed_stop(cluster.stop().await);
                        Err(OpenError::Unreachable(error))
                    }
                }
            }
        }
    }

    fn of_own(cluster: Cluster, store: Store) -> Self {
        let description = format!("PostgreSQL {} of its own, in {}", cluster.major(), cluster.directory().display());
        let own = Own {
            directory: cluster.directory().to_owned(),
            is_new: cluster.is_new(),
            is_elsewhere: cluster.is_elsewhere(),
            supervisor: Supervisor::new(cluster, store.clone()),
        };
        Self { store, own: Some(own), description }
    }

    /// Which database, in words, without its password.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Where a server of our own keeps its files.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.directory.as_path())
    }

    /// Where a server of our own keeps its files, if this made them: there was no database here before.
    pub(crate) fn made_in(&self) -> Option<&Path> {
        self.own.as_ref().filter(|own| own.is_new).map(|own| own.directory.as_path())
    }

    /// Whether a server of our own could not live in the data directory.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.is_elsewhere)
    }

    /// Whether a server of our own that runs is not the one that is installed.
    pub(crate) async fn outdated_server(&self) -> Option<Outdated> {
        self.own.as_ref()?.supervisor.outdated().await
    }

    /// Looks after a server of our own: starts it again whenever it is gone, and restarts it after an upgrade. Runs until it is
    /// dropped.
    pub(crate) async fn keep_running(&self) {
        match &self.own {
            Some(own) => own.supervisor.run().await,
            None => std::future::pending().await,
        }
    }

    /// Closes it. A server of our own stops with the last program that uses it.
    pub async fn close(self) {
        drop(self.store);
        if let Some(own) = self.own {
            log_failed_stop(own.supervisor.stop().await);
        }
    }
}

impl Clients for Store {
    async fn reach_server(&self) -> bool {
        // A pool whose connections are all taken by slow pages says nothing about the server.
        self.connection().await.is_ok() || self.own_connection().await.is_ok()
    }

    async fn pause(&self) -> Box<dyn Send> {
        Box::new(self.pause_batches().await)
    }
}

fn store_options(config: &Config) -> StoreOptions {
    StoreOptions { max_connections: config.database_connections, requires_standby: config.requires_standby }
}

fn log_failed_stop(stopped: Result<(), EmbeddedError>) {
    if let Err(error) = stopped {
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
