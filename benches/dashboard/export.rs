//! A download to a file, beside what `psql` does with the same rows.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::store::embedded::binaries::candidate_directories;
use tokio::process::Command;

use crate::program::Program;
use crate::reader::Reader;

/// The events that are written: from one moment to another.
pub struct Span {
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A file that was written.
pub struct Written {
    pub took: Duration,
    pub lines: usize,
    pub bytes: u64,
}

/// Downloads the events as a browser does.
pub async fn download(reader: &Reader, span: &Span, home: &Path) -> Result<Written> {
    let file = home.join("export.ndjson");
    written(curl(reader, span, &file), &file).await
}

/// Downloads the events and keeps nothing of them: whoever reads them is on another machine, with a disk of its own.
pub async fn download_elsewhere(reader: &Reader, span: &Span) -> Result<()> {
    let status = curl(reader, span, Path::new("/dev/null")).stdin(Stdio::null()).kill_on_drop(true).status().await?;
    ensure!(status.success(), "nothing whole was read");
    Ok(())
}

fn curl(reader: &Reader, span: &Span, file: &Path) -> Command {
    let address = format!("{}/events/export?format=ndjson&since={}&until={}", reader.url, span.since, span.until);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "-o"]).arg(file).args(["-H", &format!("Cookie: {}", reader.cookie), &address]);
    curl
}

/// Writes the same events as text, by PostgreSQL's own client.
pub async fn copy(program: &Program, span: &Span, home: &Path) -> Result<Written> {
    let file = home.join("copy.txt");
    let directories = candidate_directories(std::env::var_os("PATH").as_deref());
    let psql = directories.iter().map(|directory| directory.join("psql")).find(|path| path.exists());
    let sql = format!(
        "\\copy (select id, credential_id, remote_ip, content_type, size_bytes, headers, body from events where account_id = '{}' \
         and id >= '{}' and id < '{}' order by id) to '{}'",
        program.account,
        EventId::first_of(span.since),
        EventId::first_of(span.until),
        file.display(),
    );
    let mut psql = Command::new(psql.context("psql is missing")?);
    psql.args(["-qX", program.database_url(), "-c", &sql]);
    written(psql, &file).await
}

async fn written(mut command: Command, file: &Path) -> Result<Written> {
    let started = Instant::now();
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await?;
    let took = started.elapsed();
    ensure!(status.success(), "nothing whole was written");
    let bytes = std::fs::metadata(file)?.len();
    let lines = Command::new("wc").arg("-l").arg(file).output().await?;
    let lines = String::from_utf8_lossy(&lines.stdout);
    let lines = lines.split_whitespace().next().context("wc says nothing")?.parse()?;
    std::fs::remove_file(file)?;
    Ok(Written { took, lines, bytes })
}
