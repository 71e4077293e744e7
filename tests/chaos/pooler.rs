//! A pooler between the program and its server: PgBouncer, which hands a connection to somebody else after each transaction, so that
//! what a session was set to may be gone.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;

use crate::stage::{Acknowledged, only};
use crate::support::postgres;
use crate::support::private_postgres::{PrivatePostgres, owner_of, private_directory};
use crate::support::server::TestServer;

/// Writes down what each transaction that stores events commits with.
const NOTE_SETTING: &str = "create table settings_seen (value text); \
    create function note_setting() returns trigger language plpgsql as $$ begin \
    insert into settings_seen select current_setting('synchronous_commit'); return null; end $$; \
    create trigger note_setting after insert on events for each statement execute function note_setting(); \
    alter database reasoner_webhooks set synchronous_commit = off";

// holds D1, O1
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_every_event_is_committed_with_synchronous_commit_on() {
    let postgres = PrivatePostgres::start().await;
    postgres::query(postgres.url(), NOTE_SETTING).await;
    let direct = TestServer::start_over(postgres.url().to_owned(), |_| {}).await;
    let alice = direct.pro("alice@example.com").await;
    let sender = direct.sender(&alice).await;
    direct.stop().await;

    let pooler = PgBouncer::start(postgres.socket().parent().unwrap());
    let server = TestServer::start_over(pooler.url(), |_| {}).await;
    let sender = crate::support::actors::Sender::new(&server.url, &sender.username, &sender.password);
    let acknowledged = Acknowledged::default();
    for _ in 0..50 {
        join_all((0..8).map(async |_| acknowledged.note(sender.send("1").await).await)).await;
    }
    assert!(acknowledged.count() >= 200, "only {} events are stored behind a pooler", acknowledged.count());
    acknowledged.assert_stored(postgres.url()).await;
    let count = async |filter: &str| {
        let sql = format!("select count(*) from settings_seen where {filter}");
        only(postgres::query(postgres.url(), &sql).await.remove(0)).parse::<i64>().unwrap()
    };
    assert!(count("value = 'on'").await > 0);
    assert_eq!(count("value <> 'on'").await, 0, "transactions that may lose what was acknowledged");
}

/// The pooler, over a server's socket. It ends with the value that holds it.
struct PgBouncer {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl PgBouncer {
    fn start(socket_directory: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = private_directory();
        let settings = directory.path().join("pgbouncer.ini");
        // Few connections for many clients, so that each client's next transaction is on another one.
        let text = format!(
            "[databases]\n* = host={} user=reasoner\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             pool_mode = transaction\nserver_round_robin = 1\ndefault_pool_size = 6\nauth_type = any\n\
             ignore_startup_parameters = extra_float_digits,options\n",
            socket_directory.display()
        );
        std::fs::write(&settings, text).unwrap();
        let (uid, gid) = owner_of(socket_directory);
        let mut command = Command::new("pgbouncer");
        command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        // It refuses to be root, as the server does.
        if nix::unistd::geteuid().is_root() {
            command.uid(uid).gid(gid);
        }
        let child = command.spawn().expect("make test installs PgBouncer");
        Self { child, port, _directory: directory }
    }

    fn url(&self) -> String {
        let began = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed().as_secs() < 30, "PgBouncer does not listen");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        format!("postgresql://reasoner@127.0.0.1:{}/reasoner_webhooks", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
