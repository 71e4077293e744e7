//! Load, by `wrk`: one thread of it, many connections, each of which waits for its answer before it sends again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::event_body::EVENT_BODY;
use crate::program::Program;

/// How long each figure is measured, in seconds.
const SECONDS: u32 = 4;

/// What is sent, and by how many at once.
pub struct Load {
    connections: u32,
    content_type: &'static str,
    body: String,
    authorization: String,
}

impl Load {
    /// One JSON document a request, of about so many bytes.
    pub fn of_json(connections: u32, bytes: usize, program: &Program) -> Self {
        let authorization = program.authorization.clone();
        Self { connections, content_type: "application/json", body: body_of(bytes), authorization }
    }

    /// So many JSON documents a request, a line each.
    pub fn of_lines(connections: u32, lines: usize, program: &Program) -> Self {
        let body = format!("{EVENT_BODY}\n").repeat(lines);
        Self { connections, content_type: "application/x-ndjson", body, authorization: program.authorization.clone() }
    }
}

/// What came of it.
pub struct Measured {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub requests: u64,
    /// Answers other than 2xx and 3xx.
    pub refused: u64,
}

impl Measured {
    /// A figure only counts when every request was accepted.
    pub fn accepted_only(self) -> Result<Self> {
        ensure!(self.refused == 0, "{} of {} requests were refused", self.refused, self.requests);
        Ok(self)
    }
}

/// A JSON document of about so many bytes.
pub fn body_of(bytes: usize) -> String {
    if bytes <= EVENT_BODY.len() {
        return EVENT_BODY.to_owned();
    }
    format!("[{}]", vec![EVENT_BODY; bytes / (EVENT_BODY.len() + 1)].join(","))
}

/// Sends for some seconds. `home` is where its script goes.
pub fn wrk(home: &Path, url: &str, load: &Load) -> Result<Measured> {
    let script = home.join("post.lua");
    let Load { connections, content_type, body, authorization } = load;
    let text = format!(
        "wrk.method = 'POST'\nwrk.headers['Authorization'] = '{authorization}'\n\
         wrk.headers['Content-Type'] = '{content_type}'\nwrk.body = [==[{body}]==]\n"
    );
    std::fs::write(&script, text)?;
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{SECONDS}s"), "--latency", "-s"])
        .arg(script)
        .arg(url)
        .output()
        .context("wrk is missing: `make bench` installs it")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    let word = |mark: &str, place: usize| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(mark));
        line.and_then(|line| line.split_whitespace().nth(place)).with_context(|| format!("no {mark} in {text}"))
    };
    let number_before = |mark: &str| -> Result<u64> {
        let line = text.lines().find(|line| line.contains(mark)).with_context(|| format!("no {mark} in {text}"))?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
    };
    Ok(Measured {
        per_second: word("Requests/sec:", 1)?.parse()?,
        p50: duration(word("50%", 1)?)?,
        p99: duration(word("99%", 1)?)?,
        requests: number_before("requests in")?,
        refused: word("Non-2xx", 4).map_or(Ok(0), str::parse)?,
    })
}

/// Reads `63.00us`, `1.21ms`, `2.05s`.
fn duration(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let number: f64 = digits.parse()?;
    let seconds = match &text[digits.len()..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        unit => anyhow::bail!("what is {unit}?"),
    };
    Ok(Duration::from_secs_f64(seconds))
}
