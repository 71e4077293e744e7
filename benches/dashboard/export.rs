//! A download to a file, beside what `psql` does with the same rows.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::embedded::binaries::candidate_directories;
use tokio::process::Command;

use crate::program::Program;
use crate::reader::CurrentUser;
use crate::report::Bound::AtLeast;
use crate::report::Report;
use crate::seed::Seeded;

/// How many events an export writes.
pub const EXPORTED: u64 = 1_000_000;
/// How often each is written, in turn: the machine is not always as fast.
const ROUNDS: u32 = 3;

/// The events that are written: from one moment to another.
pub struct Span {
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A file that was written, or several.
#[derive(Default)]
pub struct Written {
    pub took: Duration,
    pub lines: usize,
    bytes: u64,
}

impl Written {
    pub fn add(&mut self, other: &Self) {
        self.took += other.took;
        self.lines += other.lines;
        self.bytes += other.bytes;
    }

    pub fn speed(&self) -> String {
        let seconds = self.took.as_secs_f64();
        format!("{:.0}/s, {:.0} MB/s", self.lines as f64 / seconds, self.bytes as f64 / 1e6 / seconds)
    }
}

/// The oldest events, as many as are exported.
pub fn oldest(seeded: &Seeded, events: u64, wanted: u64) -> Span {
    let share = (wanted as f64 / (events as f64 * 0.95)).min(1.0);
    let millis = (seeded.week_start.as_millisecond() - seeded.began.as_millisecond()) as f64 * share;
    Span { since: seeded.began, until: seeded.began + jiff::SignedDuration::from_millis(millis as i64) }
}

/// Exports beside `psql \\copy` of the same events, and the memory that they take.
pub async fn exports(report: &mut Report, program: &Program, seeded: &Seeded, events: u64, home: &Path) -> Result<()> {
    let wanted = EXPORTED.min(events / 2);
    let mut memory = Vec::new();
    report.head(&format!("Export, {ROUNDS} times in turn"));
    let reader = CurrentUser::sign_in(program).await?;
    for share in [10, 1] {
        let span = oldest(seeded, events, wanted / share);
        // Once for the disk's sake, so that neither finds what the other had to fetch.
        copy(program, &span, home).await?;
        program.forget_peak_memory()?;
        let (mut ours, mut theirs) = (Written::default(), Written::default());
        for _ in 0..ROUNDS {
            ours.add(&download(&page_export(&reader), &span, home).await?);
            theirs.add(&copy(program, &span, home).await?);
        }
        memory.push(program.peak_memory_mib()?);
        ensure!(ours.lines == theirs.lines, "{} events were exported, not {}", ours.lines, theirs.lines);
        let what = format!("{} events beside psql", ours.lines / ROUNDS as usize);
        let ratio = theirs.took.as_secs_f64() / ours.took.as_secs_f64();
        report.ratio(&what, &ours.speed(), &theirs.speed(), ratio, AtLeast(0.5));
    }
    let [few, many] = memory[..] else { anyhow::bail!("two exports are measured") };
    let both = format!("{few:.1} MiB, then {many:.1} MiB");
    report.figure("peak memory of the program", &both, "flat", many <= few * 1.2);
    Ok(())
}

/// Where events are downloaded from, and the header that says who does.
pub struct Source {
    pub address: String,
    pub header: String,
}

/// The page's.
pub fn page_export(reader: &CurrentUser) -> Source {
    Source { address: format!("{}/events/export", reader.url), header: format!("Cookie: {}", reader.cookie) }
}

/// Downloads the events as a browser or a program does.
pub async fn download(source: &Source, span: &Span, home: &Path) -> Result<Written> {
    let file = home.join("export.ndjson");
    written(curl(source, span, &file), &file).await
}

/// Downloads the events and keeps nothing of them: whoever reads them is on another machine, with a disk of its own.
pub async fn download_elsewhere(reader: &CurrentUser, span: &Span) -> Result<()> {
    let status = curl(&page_export(reader), span, Path::new("/dev/null"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await?;
    ensure!(status.success(), "nothing whole was read");
    Ok(())
}

fn curl(source: &Source, span: &Span, file: &Path) -> Command {
    let address = format!("{}?format=ndjson&since={}&until={}", source.address, span.since, span.until);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "-o"]).arg(file).args(["-H", &source.header, &address]);
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
