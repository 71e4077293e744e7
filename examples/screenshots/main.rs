//! Takes pictures of every page in every state: `cargo run --example screenshots -- [DIR]`, by default `./screenshots`, and those
//! of the README into `docs/pictures`. Runs a server over a PostgreSQL of its own, in a directory that is gone afterwards, and ends
//! everything that it started.
//!
//! It is always the same morning there, so that pictures of a product that did not change differ in what is random and in seconds.

mod camera;
mod gallery;
mod pictures;
mod shop;
mod tour;

#[path = "../../tests/support/browser.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod browser;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::embedded::cluster::Cluster;
use reasoner_webhooks::embedded::known_clusters::KnownClusters;
use reasoner_webhooks::server::application::Application;
use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::Store;
use serde_json::json;

use crate::browser::Browser;
use crate::pictures::Pictures;

/// When the tour begins: on a working day, a while after a week of events has begun.
const BEGINS: &str = "2026-11-25T08:41:00Z";
/// Where the README's pictures are.
const OF_README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");

#[tokio::main]
async fn main() -> Result<()> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "./screenshots".to_owned()));
    std::fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let data = tempfile::Builder::new().prefix("reasoner-screenshots-").tempdir()?;
    open_to_all(data.path())?;
    let cluster = Cluster::start(data.path(), std::env::var_os("PATH").as_deref(), &KnownClusters::default()).await?;
    let (place, cluster_directory) = (data.path().to_owned(), cluster.directory().to_owned());

    // Whatever fails, the server and its files go.
    let mut cluster = Some(cluster);
    let outcome = take_all(&mut cluster, &directory).await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    if !cluster_directory.starts_with(&place) {
        std::fs::remove_dir_all(&cluster_directory)?;
    }
    outcome?;
    println!("\n{}", directory.join("index.html").display());
    Ok(())
}

/// The last pictures are those of a server without its database, so the cluster may be gone in the end.
async fn take_all(cluster: &mut Option<Cluster>, directory: &Path) -> Result<()> {
    let url = cluster.as_ref().context("no PostgreSQL")?.database_url().to_owned();
    let store = Store::open(&url).await?;
    migrate::run(&store).await?;
    let config = Config::check(options(&url)).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let ahead = BEGINS.parse::<Timestamp>()?.duration_since(Timestamp::now());
    let clock = Clock::from_fn(move || Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX));
    let application = Application::start(&config, store, clock).await?;
    let browser = Browser::open().await?;
    // Pages say how long ago things were, by the browser's clock.
    let source = format!("{{ const now = Date.now; Date.now = () => now() + {}; }}", ahead.as_millis());
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await?;

    let mut pictures = Pictures::new(&browser, directory, Path::new(OF_README));
    let outcome = tour::take(&application, &url, &browser, &mut pictures, async || match cluster.take() {
        Some(cluster) => Ok(cluster.stop().await?),
        None => Ok(()),
    });
    let outcome = outcome.await.and_then(|()| gallery::write(directory, &pictures.taken));
    browser.close().await?;
    application.stop().await;
    outcome
}

/// As `serve` has them, and as the tour wants them.
fn options(database_url: &str) -> Options {
    let mut options = Options {
        bind: "127.0.0.1:0".to_owned(),
        database_url: Some(database_url.to_owned()),
        data_dir: "./unused".into(),
        retention_days: "90".to_owned(),
        max_body_bytes: "1048576".to_owned(),
        keep_alive: "75s".to_owned(),
        log_format: "text".to_owned(),
        ..Options::default()
    };
    tour::set_options(&mut options);
    options
}

/// Lets the user that PostgreSQL runs as reach the directory when this runs as root.
fn open_to_all(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?)
}
