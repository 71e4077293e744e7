//! One PostgreSQL for the whole test program, started by the code that starts it for users, with a migrated template that
//! every test's database is a copy of.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reasoner_webhooks::embedded::cluster::Cluster;
use reasoner_webhooks::embedded::known_clusters::KnownClusters;
use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::{Store, StoreOptions};

const TEMPLATE: &str = "template_of_tests";

/// The address of the server's maintenance database; `{}` stands for the name of a database.
static ADDRESS: OnceLock<String> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The address of a new database with a current schema.
pub async fn new_database() -> String {
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    execute(&format!("create database {name} template {TEMPLATE}")).await;
    address_of(&name)
}

/// The address of a new database without anything in it.
pub async fn empty_database() -> String {
    let name = format!("empty_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    execute(&format!("create database {name}")).await;
    address_of(&name)
}

/// Runs a statement on a database and gives back its rows as text.
pub async fn query(address: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

/// What is in each table, as a digest of its rows; partitions count as tables of their own.
pub async fn contents(address: &str) -> Vec<(String, String)> {
    let tables = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where c.relkind = 'r' and n.nspname = 'public' order by 1";
    let mut contents = Vec::new();
    for row in query(address, tables).await {
        let table = row[0].clone().unwrap();
        let digest = format!(
            "select count(*) || ' rows ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t"
        );
        contents.push((table, query(address, &digest).await[0][0].clone().unwrap()));
    }
    contents
}

/// The address of a database for the role of the program's daily work, which may read and write rows and no more.
pub fn as_program(address: &str) -> String {
    address.replacen("://reasoner@", "://reasoner_program@", 1)
}

fn address_of(database: &str) -> String {
    ADDRESS.get().unwrap().replace("/reasoner_webhooks", &format!("/{database}"))
}

async fn execute(sql: &str) {
    let address = tokio::task::spawn_blocking(|| ADDRESS.get_or_init(start).clone()).await.unwrap();
    query(&address, sql).await;
}

/// Starts the server on a thread of its own, whose runtime outlives every test's.
fn start() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::Builder::new().prefix("reasoner-tests-").tempdir().unwrap().keep();
            open_to_all(&directory);
            let cluster = Cluster::start(&directory, std::env::var_os("PATH").as_deref(), &KnownClusters::default())
                .await
                .unwrap();
            end_with_this_process(&cluster, directory);
            let address = cluster.database_url().to_owned();
            // The tests fill no disks and survive no crashes; those that do run servers of their own.
            query(&address, "alter system set fsync = off").await;
            query(&address, "alter system set max_connections = 300").await;
            query(&address, "select pg_reload_conf()").await;
            make_template(&address).await;
            sender.send(address).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv_timeout(Duration::from_secs(120)).expect("PostgreSQL starts")
}

/// Lets the user that PostgreSQL runs as reach the directory when the tests run as root.
fn open_to_all(directory: &PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn make_template(address: &str) {
    query(address, &format!("create database {TEMPLATE}")).await;
    let template = address.replace("/reasoner_webhooks", &format!("/{TEMPLATE}"));
    let store = Store::open_as(&as_program(&template), Some(&template), None, StoreOptions::default()).await.unwrap();
    migrate::run(&store).await.unwrap();
    drop(store);
    // Copying needs the template to itself, and connections take a moment to close.
    for _ in 0..100 {
        let open = query(address, &format!("select 1 from pg_stat_activity where datname = '{TEMPLATE}'")).await;
        if open.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the template stays in use");
}

/// A small shell waits for the end of its input, which is the end of this process however it ends, stops the server, and
/// removes its files. Rust runs nothing at the end of a test program that could do it.
fn end_with_this_process(cluster: &Cluster, directory: PathBuf) {
    let script = r#"read -r _; kill -INT "$(head -n 1 "$1/postmaster.pid")"; \
                    while [ -e "$1/postmaster.pid" ]; do sleep 0.1; done; rm -rf "$1" "$2""#;
    let child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(cluster.directory())
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its input stays open as long as this process lives.
    std::mem::forget(child);
}
