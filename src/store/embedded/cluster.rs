//! The embedded PostgreSQL as the rest of the program sees it: start, address, stop.
//!
//! The steps are in the files beside this one; here is their order.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::process::Child;

use crate::store::embedded::binaries;
use crate::store::embedded::error::EmbeddedError;
use crate::store::embedded::files;
use crate::store::embedded::initdb;
use crate::store::embedded::installation::{self, Installation};
use crate::store::embedded::lock::{TransitionLock, UserLock};
use crate::store::embedded::owner::Owner;
use crate::store::embedded::place::Place;
use crate::store::embedded::server::Server;
use crate::store::embedded::socket;
use crate::store::embedded::stopping;

/// A running PostgreSQL that this program uses, alone or together with others.
///
/// End it with [`Cluster::stop`]. Merely dropped, it is as after a crash: the server stays, and the next program to
/// start on the same data directory takes it over.
#[derive(Debug)]
pub struct Cluster {
    data_dir: PathBuf,
    place: Place,
    /// There was none before.
    is_new: bool,
    major: u32,
    socket_directory: PathBuf,
    database_url: String,
    /// The server's process, if this program started it.
    child: Option<Child>,
    users: UserLock,
}

impl Cluster {
    /// Starts the server of the cluster in `data_dir` or joins it, after making whatever is missing: the directory,
    /// the cluster, the database. `search_path` is the value of `PATH`.
    ///
    /// After an error, nothing that was started here runs and nothing is half done.
    pub async fn start(data_dir: &Path, search_path: Option<&OsStr>) -> Result<Self, EmbeddedError> {
        let data_dir = files::prepare_data_directory(data_dir)?;
        // Before the locks: in a data directory of somebody else, they could not be opened, which would explain less.
        if let Some(place) = Place::find(&data_dir)? {
            Owner::of_existing_cluster(&place.directory)?;
        }
        let held = TransitionLock::acquire(&data_dir).await?;
        let users = UserLock::share(&data_dir, &held)?;
        let candidates = binaries::candidate_directories(search_path);
        let found = Place::find(&data_dir)?;
        let is_new = found.is_none();
        let (place, owner, installation) = match found {
            Some(place) => open(place, &candidates).await?,
            None => create(&data_dir, &candidates).await?,
        };

        initdb::remove_unfinished(&place.home);
        let server = Server {
            usual_socket: socket::prepare_directory(&data_dir, &place.directory, &owner)?,
            place: &place,
            installation: &installation,
            owner: &owner,
        };
        let mut child = None;
        match server.bring_up(&mut child, &users, &held).await {
            Ok(socket_directory) => {
                let started = child.is_some();
                tracing::debug!(directory = %place.directory.display(), started, "PostgreSQL is ready");
                Ok(Self {
                    database_url: socket::database_url(&socket_directory),
                    major: installation.version.0,
                    data_dir,
                    place,
                    is_new,
                    socket_directory,
                    child,
                    users,
                })
            }
            Err(error) => {
                if users.is_last(&held)? {
                    // The first error is the one worth telling.
                    let _ = stopping::stop_server(&place.directory, &mut child).await;
                    socket::remove_directory(&server.usual_socket, &place.directory);
                }
                Err(error)
            }
        }
    }

    /// Like [`Cluster::start`], where there is a cluster; where there is none, it is an error and nothing is made. For commands
    /// that only make sense with what is there.
    pub async fn start_existing(data_dir: &Path, search_path: Option<&OsStr>) -> Result<Self, EmbeddedError> {
        let looked_in = std::path::absolute(data_dir).map_err(EmbeddedError::file("look for", data_dir))?;
        let is_there = looked_in.is_dir() && Place::find(&looked_in)?.is_some();
        if !is_there {
            // That no server could be started either comes first.
            let owner = Owner::of_new_cluster()?;
            let candidates = binaries::candidate_directories(search_path);
            installation::newest(&binaries::find_installations(&candidates, &owner).await)?;
            return Err(EmbeddedError::NoCluster { directory: looked_in });
        }
        Self::start(data_dir, search_path).await
    }

    /// The address of the product's database. It leads to a Unix socket.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Where the cluster really is.
    pub fn directory(&self) -> &Path {
        &self.place.directory
    }

    /// Whether this start made it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The major version of the server.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Whether the cluster could not be put into the data directory, and is under /var/lib instead.
    pub fn is_elsewhere(&self) -> bool {
        self.place.is_elsewhere
    }

    /// Lets go of the server. The last program to do so stops it, and returns when it is gone.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let held = TransitionLock::acquire(&self.data_dir).await?;
        if self.users.is_last(&held)? {
            stopping::stop_server(&self.place.directory, &mut self.child).await?;
            socket::remove_directory(&self.socket_directory, &self.place.directory);
        }
        // Not the last: the locks and, if this program is the server's parent, the process are let go by dropping
        // them, in whatever order.
        Ok(())
    }
}

async fn open(place: Place, candidates: &[PathBuf]) -> Result<(Place, Owner, Installation), EmbeddedError> {
    let owner = Owner::of_existing_cluster(&place.directory)?;
    let major = place.major()?;
    if !owner.reaches(&place.directory).await? {
        return Err(EmbeddedError::Unreachable { directory: place.directory, owner: owner.name().to_owned() });
    }
    let installations = binaries::find_installations(candidates, &owner).await;
    let installation = installation::matching(&installations, major, &place.directory)?.clone();
    Ok((place, owner, installation))
}

async fn create(data_dir: &Path, candidates: &[PathBuf]) -> Result<(Place, Owner, Installation), EmbeddedError> {
    let owner = Owner::of_new_cluster()?;
    let installations = binaries::find_installations(candidates, &owner).await;
    let installation = installation::newest(&installations)?.clone();
    let mut place = Place::choose(data_dir, &owner).await?;
    let (directory, major) = (place.directory.display(), installation.version.0);
    tracing::info!(target: "progress", "Creating a PostgreSQL {major} database in {directory}");
    initdb::create_cluster(&place, &installation, &owner).await?;
    place.directory = place.directory.canonicalize().map_err(EmbeddedError::file("open", &place.directory))?;
    Ok((place, owner, installation))
}
