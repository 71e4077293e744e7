//! A PostgreSQL of a test's own, with everything on that guards its data, which can be killed, shut down, stopped in its
//! tracks, and brought back. It ends with the value that holds it, or with this process, however that ends.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reasoner_webhooks::embedded::cluster::Cluster;
use reasoner_webhooks::embedded::known_clusters::KnownClusters;
use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::{Store, StoreOptions};
use tempfile::TempDir;

/// How long a server may take to end.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The server and its files.
pub struct PrivatePostgres {
    directory: PathBuf,
    cluster_directory: PathBuf,
    url: String,
    cluster: Option<Cluster>,
    guard: Child,
}

impl PrivatePostgres {
    /// With a current schema.
    pub async fn start() -> Self {
        Self::start_in(&private_directory().keep()).await
    }

    /// In a directory that is removed in the end, and unmounted if it is a disk.
    pub async fn start_in(directory: &Path) -> Self {
        let directory = directory.to_owned();
        let cluster = start_cluster(&directory).await;
        let cluster_directory = cluster.directory().to_owned();
        let guard = guard(&cluster_directory, &directory);
        let url = cluster.database_url().to_owned();
        let store = Store::open_as(&cluster.program_url(), Some(&url), None, StoreOptions::default()).await.unwrap();
        migrate::run(&store).await.unwrap();
        Self { directory, cluster_directory, url, cluster: Some(cluster), guard }
    }

    /// The address of its database, with nothing in between.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn socket(&self) -> PathBuf {
        self.cluster_directory.join(".s.PGSQL.5432")
    }

    /// The server and all that it has started.
    pub fn processes(&self) -> Vec<i32> {
        processes_of(&self.cluster_directory)
    }

    /// All of it at once, with no time to say anything.
    pub async fn kill(&self) {
        kill_server(&self.cluster_directory).await;
    }

    /// One of its processes, with no time to say anything.
    pub fn kill_one(&self, process: i32) {
        assert!(self.processes().contains(&process), "{process} is somebody else's");
        signal(process, Signal::SIGKILL);
    }

    /// An administrator's fast shutdown, which throws everybody out.
    pub async fn shut_down(&self) {
        let processes = self.processes();
        signal(processes[0], Signal::SIGINT);
        wait_for_end(&processes).await;
    }

    pub async fn start_again(&mut self) {
        self.cluster = None;
        self.cluster = Some(start_cluster(&self.directory).await);
    }

    /// Stops it in its tracks: connections stay open, and nobody answers.
    pub fn pause(&self) {
        // The first starts the others, and must not start more meanwhile.
        for process in self.processes() {
            signal(process, Signal::SIGSTOP);
        }
    }

    pub fn resume(&self) {
        for process in self.processes() {
            signal(process, Signal::SIGCONT);
        }
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.resume();
        // Its open files would keep a disk from being unmounted.
        self.cluster = None;
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// User and group of the owner of a cluster, who runs its programs.
pub fn owner_of(cluster: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(cluster).unwrap();
    (metadata.uid(), metadata.gid())
}

/// Where also the user can go whom root has to become.
pub fn private_directory() -> TempDir {
    // Not where TMPDIR says, which may be closed to that user.
    let directory = tempfile::Builder::new().prefix("reasoner-chaos-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

async fn start_cluster(directory: &Path) -> Cluster {
    Cluster::start(directory, std::env::var_os("PATH").as_deref(), &KnownClusters::default()).await.unwrap()
}

/// Kills the server of this cluster, if one runs, and returns when it is gone.
pub async fn kill_server(cluster_directory: &Path) {
    let processes = processes_of(cluster_directory);
    for process in &processes {
        signal(*process, Signal::SIGKILL);
    }
    wait_for_end(&processes).await;
}

/// The server of this cluster first, then its children. None where no server runs.
pub fn processes_of(cluster_directory: &Path) -> Vec<i32> {
    let file = std::fs::read_to_string(cluster_directory.join("postmaster.pid")).unwrap_or_default();
    let Some(server) = file.lines().next().and_then(|line| line.trim().parse::<i32>().ok()) else {
        return Vec::new();
    };
    let output = Command::new("ps").args(["-A", "-ww", "-o", "pid=,ppid=,stat=,args="]).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows: Vec<(i32, i32, &str)> = table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (process, parent, state) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?);
            (!state.starts_with('Z')).then_some((process, parent, line))
        })
        .collect();
    // The file may be left from a server that is dead, and its number be somebody else's.
    let directory = cluster_directory.to_str().unwrap();
    if !rows.iter().any(|(process, _, line)| *process == server && line.contains(directory)) {
        return Vec::new();
    }
    let children = rows.iter().filter(|(_, parent, _)| *parent == server).map(|(process, ..)| *process);
    std::iter::once(server).chain(children).collect()
}

async fn wait_for_end(processes: &[i32]) {
    let began = Instant::now();
    while processes.iter().any(|process| is_alive(*process)) {
        assert!(began.elapsed() < END_WITHIN, "the server does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A process that has ended and that nobody has asked about yet does not count.
fn is_alive(process: i32) -> bool {
    kill(Pid::from_raw(process), None).is_ok() && {
        let output = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap();
        output.stdout.trim_ascii().first().is_some_and(|state| *state != b'Z')
    }
}

/// That it has ended meanwhile is no failure.
fn signal(process: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(process), signal);
}

/// A small shell waits for the end of its input, ends the server, and removes the files.
fn guard(cluster_directory: &Path, directory: &Path) -> Child {
    let script = r#"read -r _
        pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
        case "$(ps -ww -o args= -p "${pid:-0}" 2>/dev/null)" in
            *"$1"*) kill -QUIT "$pid"; for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.3; done ;;
        esac
        umount "$2" 2>/dev/null || umount -l "$2" 2>/dev/null
        rm -rf "$2""#;
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(cluster_directory)
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
