//! What people know, for comparison: nginx, which answers a constant and keeps nothing, and `pgbench`, which stores one row a
//! commit.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use reasoner_webhooks::embedded::binaries::candidate_directories;

use crate::load::body_of;
use crate::program::{Process, Program};

const SECONDS: u32 = 4;

/// A running nginx.
pub struct Nginx {
    process: Process,
    pub url: String,
}

impl Nginx {
    pub fn start(home: &Path) -> Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let configuration = format!(
            "daemon off; pid nginx.pid; error_log nginx.log; worker_processes auto;\n\
             events {{ worker_connections 8192; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path body; proxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             server {{ listen {address}; location / {{ default_type application/json; return 200 '{{\"status\":\"ok\"}}'; }} }} }}\n"
        );
        std::fs::write(home.join("nginx.conf"), configuration)?;
        let process = Command::new("nginx")
            .args(["-c", "nginx.conf", "-e", "nginx.log", "-p"])
            .arg(home)
            .spawn()
            .context("nginx is missing: `make bench` installs it")?;
        let process = Process(process);
        for _ in 0..100 {
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(Self { process, url: format!("http://{address}/") });
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        anyhow::bail!("nginx does not answer: {}", std::fs::read_to_string(home.join("nginx.log"))?)
    }

    pub fn stop(self) -> Result<()> {
        self.process.end().map(|_| ())
    }
}

/// Commits a second of single inserts from 64 clients with prepared statements: into the table of events, with all its columns, and
/// into the least table that could keep a body.
pub fn pgbench(program: &Program, home: &Path) -> Result<Vec<(&'static str, f64)>> {
    let url = program.database_url();
    let directories = candidate_directories(std::env::var_os("PATH").as_deref());
    let tool = |name: &str| {
        let path = directories.iter().map(|directory| directory.join(name)).find(|path| path.exists());
        path.with_context(|| format!("{name} is missing: it comes with the PostgreSQL server"))
    };
    let table = "create table single (id bigint generated always as identity primary key, body text not null)";
    let made = Command::new(tool("psql")?).args(["-q", url, "-c", table]).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let body = body_of(350);
    let event = format!(
        "insert into events (account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes) \
         values ('00000000-0000-4000-8000-000000000001', encode(substring(int8send((extract(epoch from clock_timestamp()) * \
         1000)::bigint) from 3) || substring(uuid_send(gen_random_uuid()) from 7), 'hex')::uuid, \
         '00000000-0000-4000-8000-000000000002', '127.0.0.1', null, 'application/json', null, \
         '[[\"host\",\"127.0.0.1:8080\"],[\"content-type\",\"application/json\"],[\"content-length\",\"336\"]]', '{body}', 336);\n"
    );
    let row = format!("insert into single (body) values ('{body}');\n");
    let mut figures = Vec::new();
    for (what, script) in [("one event a commit", event), ("one row of one column a commit", row)] {
        let path = home.join("single.sql");
        std::fs::write(&path, script)?;
        let output = Command::new(tool("pgbench")?)
            .args(["-n", "-c64", "-j1", "-M", "prepared", &format!("-T{SECONDS}"), "-f"])
            .arg(&path)
            .arg(url)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next());
        let errors = || format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        figures.push((what, number.with_context(errors)?.parse()?));
    }
    Ok(figures)
}

/// Run as root, the database server has a user of its own, which must reach the directory.
pub fn open_to_the_servers_user(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?)
}
