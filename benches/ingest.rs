//! How fast events are received: the durable way beside a bare route of the same HTTP stack, and beside `pgbench` with one INSERT a
//! commit, all in one run on the same machine. Machines are noisy, so what counts is the ratios.
//!
//! `make bench` runs it. Generator, program and PostgreSQL share the processors, as they would on a small server.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reasoner_webhooks::app::create_account::{NewAccount, create_account};
use reasoner_webhooks::app::issue_credential::issue_credential;
use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::config::{Config, Options};
use reasoner_webhooks::domain::account::Plan;
use reasoner_webhooks::domain::account_password::NewPassword;
use reasoner_webhooks::domain::audit::Act;
use reasoner_webhooks::domain::ids::CredentialId;
use reasoner_webhooks::domain::secret::Secret;
use reasoner_webhooks::server::application::Application;
use reasoner_webhooks::store::embedded::binaries::candidate_directories;
use reasoner_webhooks::store::embedded::cluster::Cluster;
use reasoner_webhooks::store::migrate;
use reasoner_webhooks::store::pool::Store;

/// How long each figure is measured, in seconds.
const SECONDS: u32 = 5;
const CONNECTIONS: [u32; 3] = [1, 64, 256];
/// About 350 bytes, as a shop's systems send them.
const SMALL_BODY: &str = r#"{"event":"stock.adjusted","timestamp":"2026-11-23T08:41:11.930Z","source":"inventory_system","data":{"product_id":"SKU-12345","quantity":25,"location":"Warehouse B","bin":"C-14-03","name":"Bilge pump 1100, 12 V","reason":"picked","order":{"number":48213,"priority":"express"},"tags":["pumps","fast-moving"],"trace":"b7d1c0e2-4f0a-4c4e-9d61"}}"#;

/// One run of `wrk`.
struct Measured {
    per_second: f64,
    p50: String,
    p99: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::Builder::new().prefix("reasoner-bench-").tempdir()?;
    open_to_the_servers_user(home.path())?;
    let search_path = std::env::var_os("PATH");
    let cluster = Cluster::start(home.path(), search_path.as_deref()).await?;
    let outcome = measure(&cluster, home.path()).await;
    cluster.stop().await?;
    outcome
}

async fn measure(cluster: &Cluster, home: &Path) -> Result<()> {
    let url = cluster.database_url().to_owned();
    let store = Store::open(&url).await?;
    migrate::run(&store).await?;
    let options = Options { bind: "127.0.0.1:0".to_owned(), database_url: Some(url.clone()), ..Options::default() };
    let config = Config::check(options).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let application = Application::start(&config, store, Clock::system()).await?;
    let authorization = sender(&application).await?;
    let bare =
        HttpServer::new(|| App::new().route("/", web::post().to(bare_route))).disable_signals().bind("127.0.0.1:0")?;
    let bare_url = format!("http://{}/", bare.addrs()[0]);
    let bare = bare.run();
    let bare_handle = bare.handle();
    tokio::spawn(bare);

    let script = home.join("post.lua");
    std::fs::write(&script, wrk_script(&authorization))?;
    let durable_url = format!("http://{}/", application.address);
    let mut table =
        String::from("| connections | | requests/s | p50 | p99 | of the bare route |\n|---|---|---|---|---|---|\n");
    let mut durable_at_64 = 0.0;
    for connections in CONNECTIONS {
        let bare = wrk(&script, &bare_url, connections)?;
        let durable = wrk(&script, &durable_url, connections)?;
        if connections == 64 {
            durable_at_64 = durable.per_second;
        }
        for (what, run) in [("bare route", &bare), ("durable ingest", &durable)] {
            let ratio = run.per_second / bare.per_second;
            let Measured { per_second, p50, p99 } = run;
            writeln!(table, "| {connections} | {what} | {per_second:.0} | {p50} | {p99} | {ratio:.2} |")?;
        }
    }
    let single = pgbench(&url, home)?;
    writeln!(table, "| 64 | pgbench, one INSERT a commit | {single:.0} | | | |")?;
    println!("{table}");
    println!("durable ingest at 64 connections is {:.1} × pgbench", durable_at_64 / single);
    println!("argon2 ran {} times for one sender", application.site.engine.verifier.argon2_runs());
    println!("peak memory of this process, which serves both: {}", peak_memory()?);
    bare_handle.stop(true).await;
    application.stop().await;
    Ok(())
}

/// Reads the body and answers a constant: what the HTTP stack alone can do.
async fn bare_route(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(if body.is_empty() { "{}" } else { r#"{"status":"ok"}"# })
}

/// An account on Pro and a credential of it, as the Authorization header says it.
async fn sender(application: &Application) -> Result<String> {
    let site = &application.site;
    let act = Act::on_command_line(site.clock.now());
    let password = Secret::new("seven quiet otters read the tide table".to_owned());
    let new = NewAccount {
        email: "bench@example.com".parse()?,
        name: None,
        plan: Plan::Pro,
        password: NewPassword::check(password, &[])?,
        is_set_up: false,
    };
    let (account, _) = create_account(&site.store, &site.hasher, new, &act).await?;
    let id = CredentialId(uuid::Uuid::new_v4());
    let issued = issue_credential(&site.store, &site.hasher, &site.keys, account, id, "Bench".parse()?, &act).await?;
    let pair = format!("{}:{}", issued.username, issued.password.secret().reveal());
    Ok(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

fn wrk_script(authorization: &str) -> String {
    format!(
        "wrk.method = 'POST'\nwrk.headers['Authorization'] = '{authorization}'\n\
         wrk.headers['Content-Type'] = 'application/json'\nwrk.body = [==[{SMALL_BODY}]==]\n"
    )
}

fn wrk(script: &Path, url: &str, connections: u32) -> Result<Measured> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{SECONDS}s"), "--latency", "-s"])
        .arg(script)
        .arg(url)
        .output()
        .context("wrk is missing: `make bench` installs it")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && !text.contains("Non-2xx"), "wrk failed, or requests were refused:\n{text}");
    let after = |mark: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(mark));
        line.and_then(|line| line.split_whitespace().nth(1)).map(str::to_owned).context(format!("no {mark} in {text}"))
    };
    Ok(Measured { per_second: after("Requests/sec:")?.parse()?, p50: after("50%")?, p99: after("99%")? })
}

/// Transactions a second of single inserts from 64 clients.
fn pgbench(url: &str, home: &Path) -> Result<f64> {
    let program = candidate_directories(std::env::var_os("PATH").as_deref())
        .into_iter()
        .map(|directory| directory.join("pgbench"))
        .find(|program| program.exists())
        .context("pgbench is missing: it comes with the PostgreSQL server")?;
    let setup = Command::new(program.with_file_name("psql"))
        .args(["-q", url, "-c", "create table single (id bigserial primary key, body text not null)"])
        .output()?;
    ensure!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let script = home.join("single.sql");
    std::fs::write(&script, format!("insert into single (body) values ('{SMALL_BODY}');\n"))?;
    let output = Command::new(program)
        .args(["-n", "-c64", "-j1", "-M", "prepared", &format!("-T{SECONDS}"), "-f"])
        .arg(&script)
        .arg(url)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)))?.parse()?)
}

/// The most memory this process held, as the kernel counts it.
fn peak_memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.map_or_else(|| "unknown on this system".to_owned(), |line| line.trim().to_owned()))
}

/// Run as root, the database server has a user of its own, which must reach the directory.
fn open_to_the_servers_user(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?)
}
