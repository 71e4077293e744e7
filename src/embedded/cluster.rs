//! The embedded PostgreSQL as the rest of the program sees it: start, address, stop; and, while it is used, the same server again.
//!
//! The steps are in the files beside this one; here is their order. When a server is to be started again is for `supervisor`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::process::Child;

use crate::embedded::binaries;
use crate::embedded::cluster_location::ClusterLocation;
use crate::embedded::database;
use crate::embedded::error::EmbeddedError;
use crate::embedded::files;
use crate::embedded::identity;
use crate::embedded::initdb;
use crate::embedded::inspection::Inspection;
use crate::embedded::installation::{self, Installation};
use crate::embedded::known_clusters::KnownClusters;
use crate::embedded::lock::{TransitionLock, UserLock};
use crate::embedded::owner::Owner;
use crate::embedded::running::{Outdated, Running};
use crate::embedded::server::Server;
use crate::embedded::server_files::FilesSnapshot;
use crate::embedded::socket;
use crate::embedded::stopping;

/// A running PostgreSQL that this program uses, alone or together with others.
///
/// End it with [`Cluster::stop`]. Merely dropped, it is as after a crash: the server stays, and the next program to
/// start on the same data directory takes it over.
#[derive(Debug)]
pub struct Cluster {
    data_dir: PathBuf,
    location: ClusterLocation,
    /// There was none before.
    is_new: bool,
    owner: Owner,
    installation: Installation,
    /// Where server programs are looked for.
    candidates: Vec<PathBuf>,
    system_identifier: u64,
    /// Where a server started now has its socket. None before the first is.
    usual_socket: Option<PathBuf>,
    /// None before the server runs.
    running: Option<Running>,
    /// The server's process, if this program started it.
    child: Option<Child>,
    /// None while the directory is gone: a file that is kept open would keep its disk busy.
    users: Option<UserLock>,
}

/// What the installed programs are to the server that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installed {
    IsWhatRuns,
    Differs(Outdated),
    /// There are none for this cluster, or they do not run.
    CannotRun,
}

impl Cluster {
    /// Starts the server of the cluster in `data_dir` or joins it, after making whatever is missing: the directory,
    /// the cluster, the database. `search_path` is the value of `PATH`.
    ///
    /// Where another cluster is known to have been, or one that is not there any more, that is an error.
    /// After an error, nothing that was started here runs and nothing is half done.
    pub async fn start(
        data_dir: &Path,
        search_path: Option<&OsStr>,
        known: &KnownClusters,
    ) -> Result<Self, EmbeddedError> {
        let resolved = files::resolve(data_dir)?;
        if ClusterLocation::find(&resolved)?.is_none() {
            known.check_nothing_was(&resolved)?;
        }
        let data_dir = files::prepare_data_directory(&resolved)?;
        let cluster = Self::open(data_dir, search_path, Some(known)).await?;
        known.remember(&cluster.data_dir, cluster.directory(), cluster.system_identifier);
        Ok(cluster)
    }

    /// Like [`Cluster::start`], where there is a cluster; where there is none, it is an error and nothing is made. For commands
    /// that only make sense with what is there.
    pub(crate) async fn start_existing(
        data_dir: &Path,
        search_path: Option<&OsStr>,
        known: &KnownClusters,
    ) -> Result<Self, EmbeddedError> {
        let data_dir = files::resolve(data_dir)?;
        if ClusterLocation::find(&data_dir)?.is_none() {
            // That no server could be started either comes first.
            let owner = Owner::of_new_cluster()?;
            let candidates = binaries::candidate_directories(search_path);
            installation::newest(&binaries::find_installations(&candidates, &owner).await)?;
            known.check_nothing_was(&data_dir)?;
            return Err(EmbeddedError::NoCluster { directory: data_dir });
        }
        Self::open(data_dir, search_path, None).await
    }

    /// Makes the cluster where there is none, if it is given what could be known of one.
    async fn open(
        data_dir: PathBuf,
        search_path: Option<&OsStr>,
        may_make: Option<&KnownClusters>,
    ) -> Result<Self, EmbeddedError> {
        // Before the locks: in a data directory of somebody else, they could not be opened, which would explain less.
        if let Some(location) = ClusterLocation::find(&data_dir)? {
            Owner::of_existing_cluster(&location.directory)?;
        }
        let held = TransitionLock::acquire(&data_dir).await?;
        let users = UserLock::share(&data_dir, &held)?;
        let candidates = binaries::candidate_directories(search_path);
        let found = ClusterLocation::find(&data_dir)?;
        let is_new = found.is_none();
        let (location, owner, installation) = match (found, may_make) {
            (Some(location), _) => open(location, &candidates).await?,
            (None, Some(known)) => {
                // Once more, under the lock.
                known.check_nothing_was(&data_dir)?;
                create(&data_dir, &candidates).await?
            }
            (None, None) => return Err(EmbeddedError::NoCluster { directory: data_dir }),
        };
        let system_identifier = identity::system_identifier(&location.directory)?;
        if let Some(known) = may_make {
            known.check_is_same(&data_dir, system_identifier)?;
        }
        initdb::remove_unfinished(&location.home);
        let cluster = Self {
            data_dir,
            location,
            is_new,
            owner,
            installation,
            candidates,
            system_identifier,
            usual_socket: None,
            running: None,
            child: None,
            users: Some(users),
        };
        cluster.brought_up(&held).await
    }

    /// With its server running; without, nothing that was started here is left.
    async fn brought_up(mut self, held: &TransitionLock) -> Result<Self, EmbeddedError> {
        match self.bring_up(held).await {
            Ok(()) => Ok(self),
            Err(error) => {
                // The first error is the one worth telling.
                let _ = self.stop_if_last(held).await;
                Err(error)
            }
        }
    }

    /// Starts the server or joins it, and notes what it is.
    async fn bring_up(&mut self, held: &TransitionLock) -> Result<(), EmbeddedError> {
        let users = match &self.users {
            Some(users) => users,
            None => self.users.insert(UserLock::share(&self.data_dir, held)?),
        };
        let usual_socket = socket::prepare_directory(&self.data_dir, &self.location.directory, &self.owner)?;
        self.usual_socket = Some(usual_socket.clone());
        let server =
            Server { usual_socket, location: &self.location, installation: &self.installation, owner: &self.owner };
        let socket_directory = server.bring_up(&mut self.child, users, held).await?;
        if let Some(running) = &self.running
            && running.socket_directory != socket_directory
        {
            return Err(EmbeddedError::Moved { directory: self.location.directory.clone() });
        }
        let (directory, installation) = (&self.location.directory, &self.installation);
        self.running = Some(Running::note(socket_directory, directory, installation, &self.candidates).await?);
        Ok(())
    }

    /// Starts the server again that has ended, or joins the one that another program has started. Never makes a cluster, and takes
    /// no other for this one.
    pub(crate) async fn revive(&mut self) -> Result<(), EmbeddedError> {
        self.check_in_place()?;
        let held = TransitionLock::acquire(&self.data_dir).await?;
        self.check_in_place()?;
        // A disk that went away and came back has other files.
        self.users = Some(UserLock::share(&self.data_dir, &held)?);
        self.find_installation().await?;
        self.bring_up(&held).await
    }

    /// Stops the server and starts the programs that are installed now. When all is ready for it, `before_stop` is waited for, and
    /// what that gives is kept until the server runs again. Nothing is stopped where another program has done it already.
    pub(crate) async fn restart<T>(&mut self, before_stop: impl Future<Output = T>) -> Result<(), EmbeddedError> {
        self.check_in_place()?;
        let held = TransitionLock::acquire(&self.data_dir).await?;
        self.check_in_place()?;
        self.find_installation().await?;
        let mut kept = None;
        if let Some(running) = &self.running
            && running.is_the_one_in(&self.location.directory)?
        {
            database::checkpoint(&running.socket_directory).await;
            kept = Some(before_stop.await);
            stopping::stop_server(&self.location.directory, &mut self.child).await?;
        }
        let started = self.bring_up(&held).await;
        drop(kept);
        started
    }

    /// The programs to run the cluster with, as they are installed now.
    async fn find_installation(&mut self) -> Result<(), EmbeddedError> {
        let installations = binaries::find_installations(&self.candidates, &self.owner).await;
        let found = installation::matching(&installations, self.major(), &self.location.directory)?;
        self.installation = found.clone();
        // Ended already: a child that is still there would be taken for one that is starting.
        if self.child.as_mut().is_some_and(|child| stopping::living_child(child).is_none()) {
            self.child = None;
        }
        Ok(())
    }

    /// An error if the data directory does not hold this very cluster.
    pub(crate) fn check_in_place(&self) -> Result<(), EmbeddedError> {
        self.inspection().check_in_place()
    }

    /// Lets go of the directory while the cluster is not there, so that its disk can be repaired.
    pub(crate) fn let_go(&mut self) {
        if self.child.as_mut().is_none_or(|child| stopping::living_child(child).is_none()) {
            self.child = None;
            self.users = None;
        }
    }

    /// What it takes to look after the files of this cluster.
    pub(crate) fn inspection(&self) -> Inspection {
        Inspection {
            data_dir: self.data_dir.clone(),
            home: self.location.home.clone(),
            system_identifier: self.system_identifier,
            files: self.running.as_ref().map(|running| running.files.clone()).unwrap_or_default(),
            candidates: self.candidates.clone(),
        }
    }

    /// How the files of the server were when this program began to use it.
    pub(crate) fn first_snapshot(&self) -> Option<&FilesSnapshot> {
        self.running.as_ref().map(|running| &running.look)
    }

    /// Compares the server that runs with the programs that are installed for it, which look like this now.
    pub(crate) async fn compare_with_installed(&self, now: &FilesSnapshot) -> Installed {
        let installations = binaries::find_installations(&self.candidates, &self.owner).await;
        let Ok(found) = installation::matching(&installations, self.major(), &self.location.directory) else {
            return Installed::CannotRun;
        };
        match self.running.as_ref().and_then(|running| running.outdated_by(found, now)) {
            Some(outdated) => Installed::Differs(outdated),
            None => Installed::IsWhatRuns,
        }
    }

    /// An error if the programs that are installed for this cluster do not run: one is made aside with them, and removed.
    pub(crate) async fn try_installed(&mut self) -> Result<(), EmbeddedError> {
        self.find_installation().await?;
        initdb::try_out(&self.location.home, &self.installation, &self.owner).await
    }

    /// The address of the product's database for its owner. It leads to a Unix socket.
    pub fn database_url(&self) -> String {
        self.url_of(database::ROLE)
    }

    /// The same for the program's daily work.
    pub fn program_url(&self) -> String {
        self.url_of(database::PROGRAM_ROLE)
    }

    fn url_of(&self, role: &str) -> String {
        socket::database_url(self.running.as_ref().map_or(Path::new("/"), |running| &running.socket_directory), role)
    }

    /// What tells this cluster from every other.
    pub(crate) fn system_identifier(&self) -> u64 {
        self.system_identifier
    }

    /// Where the cluster really is.
    pub fn directory(&self) -> &Path {
        &self.location.directory
    }

    /// Whether this start made it.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The major version of the server.
    pub(crate) fn major(&self) -> u32 {
        self.installation.version.0
    }

    /// Whether the cluster could not be put into the data directory, and is under /var/lib instead.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.location.is_elsewhere
    }

    /// Lets go of the server. The last program to do so stops it, and returns when it is gone.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        if let Err(EmbeddedError::Gone { .. } | EmbeddedError::Replaced { .. }) = self.check_in_place() {
            // Nothing is to be made or stopped there; a server that still runs on what was there is this program's to end.
            return stopping::stop_child(&mut self.child).await;
        }
        let held = TransitionLock::acquire(&self.data_dir).await?;
        self.stop_if_last(&held).await
    }

    async fn stop_if_last(&mut self, held: &TransitionLock) -> Result<(), EmbeddedError> {
        let Some(users) = self.users.take() else { return Ok(()) };
        if users.leave(held)? {
            stopping::stop_server(&self.location.directory, &mut self.child).await?;
            let used = self.running.as_ref().map(|running| &running.socket_directory);
            if let Some(directory) = used.or(self.usual_socket.as_ref()) {
                socket::remove_directory(directory, &self.location.directory);
            }
        }
        Ok(())
    }
}

async fn open(
    location: ClusterLocation,
    candidates: &[PathBuf],
) -> Result<(ClusterLocation, Owner, Installation), EmbeddedError> {
    let owner = Owner::of_existing_cluster(&location.directory)?;
    let major = location.major()?;
    if !owner.reaches(&location.directory).await? {
        return Err(EmbeddedError::Unreachable { directory: location.directory, owner: owner.name().to_owned() });
    }
    let installations = binaries::find_installations(candidates, &owner).await;
    let installation = installation::matching(&installations, major, &location.directory)?.clone();
    Ok((location, owner, installation))
}

async fn create(
    data_dir: &Path,
    candidates: &[PathBuf],
) -> Result<(ClusterLocation, Owner, Installation), EmbeddedError> {
    let owner = Owner::of_new_cluster()?;
    let installations = binaries::find_installations(candidates, &owner).await;
    let installation = installation::newest(&installations)?.clone();
    let mut location = ClusterLocation::choose(data_dir, &owner).await?;
    let (directory, major) = (location.directory.display(), installation.version.0);
    tracing::info!(target: "progress", "Creating a PostgreSQL {major} database in {directory}");
    initdb::create_cluster(&location, &installation, &owner).await?;
    location.directory = location.directory.canonicalize().map_err(EmbeddedError::file("open", &location.directory))?;
    Ok((location, owner, installation))
}
