//! What `/metrics` answers: the names that `docs/metrics.md` documents, in a form that Prometheus takes, with true numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::actors::{Person, Sender};
use crate::support::server::TestServer;

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// A server with all three listeners, and its metrics.
pub struct Watched {
    server: TestServer,
    metrics_url: String,
}

impl Watched {
    pub async fn start() -> Self {
        let server = TestServer::start_with(|options| {
            options.metrics_bind = Some("127.0.0.1:0".to_owned());
            options.ingest_bind = Some("127.0.0.1:0".to_owned());
        })
        .await;
        let metrics_url = format!("http://{}/metrics", server.application().metrics_address.unwrap());
        Self { server, metrics_url }
    }

    async fn sender(&self) -> (Person, Sender) {
        let alice = self.server.pro("alice@example.com").await;
        let sender = self.server.sender(&alice).await;
        (alice, sender)
    }

    pub async fn scrape(&self) -> Scrape {
        let answer = reqwest::get(&self.metrics_url).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Scrape::read(&answer.text().await.unwrap())
    }
}

#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    help: String,
    /// Name of the sample, labels, value; in the order of the answer.
    pub samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// An answer, read as strictly as the format allows.
#[derive(Debug)]
pub struct Scrape(pub BTreeMap<String, Family>);

impl Scrape {
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                current = name.to_owned();
                let family = Family { help: help.to_owned(), ..Family::default() };
                assert!(families.insert(current.clone(), family).is_none(), "{name} begins twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, current, "TYPE follows HELP");
                families.get_mut(name).unwrap().kind = kind.to_owned();
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
                let labels: BTreeMap<String, String> = labels
                    .split(',')
                    .filter(|label| !label.is_empty())
                    .map(|label| label.split_once('=').unwrap())
                    .map(|(label, word)| {
                        let word = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap();
                        (label.to_owned(), word.to_owned())
                    })
                    .collect();
                let family = families.get_mut(&current).unwrap_or_else(|| panic!("{line} has no family"));
                let base = if family.kind == "histogram" { name.rsplit_once('_').unwrap().0 } else { name };
                assert_eq!(base, current, "{line} stands with its family");
                assert!(
                    !family.samples.iter().any(|(known, same, _)| known == name && *same == labels),
                    "{line} is there twice"
                );
                family.samples.push((name.to_owned(), labels, value.parse().unwrap()));
            }
        }
        Self(families)
    }

    /// The names that expressions may use: a histogram has three.
    pub fn series(&self) -> BTreeSet<String> {
        let names = self.0.iter().flat_map(|(name, family)| match family.kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].iter().map(|end| format!("{name}{end}")).collect(),
            _ => vec![name.clone()],
        });
        names.collect()
    }

    /// The value of one series, such as `name` or `name{label="word"}`.
    pub fn value(&self, series: &str) -> f64 {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let found: Vec<f64> = self
            .0
            .values()
            .flat_map(|family| &family.samples)
            .filter(|(known, has, _)| {
                known == name && has.iter().all(|(label, word)| labels.contains(&format!("{label}=\"{word}\"")))
            })
            .map(|(_, _, value)| *value)
            .collect();
        assert_eq!(found.len(), 1, "{series}: {found:?}");
        found[0]
    }
}

/// The rows of the table: name, then type, labels and meaning.
fn documented() -> BTreeMap<String, (String, String, String)> {
    let rows = DOCUMENT.lines().take_while(|line| *line != "## Alerts").filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else { panic!("{line}") };
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels.to_owned(), meaning.to_owned()))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_metrics_is_what_the_program_answers() {
    let watched = Watched::start().await;
    let scrape = watched.scrape().await;
    let documented = documented();
    let mut table = String::new();
    for (name, Family { kind, help, samples }) in &scrape.0 {
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (label, word) in samples.iter().flat_map(|(_, labels, _)| labels).filter(|(label, _)| *label != "le") {
            labels.entry(label).or_default().insert(word);
        }
        let cell = |(label, words): (&&str, &BTreeSet<&str>)| {
            if *label == "version" {
                return format!("`{label}`");
            }
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("`{label}`: {}", words.join(" "))
        };
        let labels: Vec<String> = labels.iter().map(cell).collect();
        let labels = labels.join("; ");
        table.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    let rows: String = documented
        .iter()
        .map(|(name, (kind, labels, meaning))| format!("| `{name}` | {kind} | {labels} | {meaning} |\n"))
        .collect();
    assert_eq!(rows, table, "the table in docs/metrics.md has to be:\n{table}");
}

/// What `promtool check metrics` looks at, and some more.
#[tokio::test(flavor = "multi_thread")]
async fn every_metric_keeps_the_conventions_of_prometheus() {
    let watched = Watched::start().await;
    let (_alice, sender) = watched.sender().await;
    sender.store("[]").await;
    let scrape = watched.scrape().await;
    let word = regex::Regex::new("^[a-z][a-z0-9]*(_[a-z0-9]+)*$").unwrap();
    for (name, Family { kind, help, samples }) in &scrape.0 {
        assert!(word.is_match(name) && (name.starts_with("reasoner_") || name.starts_with("process_")), "{name}");
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help:?}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        for unit in ["_ms", "_milliseconds", "_minutes", "_kb", "_count", "_sum", "_bucket", "_percent"] {
            assert!(!name.ends_with(unit), "{name}");
        }
        assert!(!samples.is_empty(), "{name} has no sample");
        for (series, labels, value) in samples {
            assert!(labels.keys().all(|label| word.is_match(label)), "{series} {labels:?}");
            assert!(value.is_finite() && *value >= 0.0, "{series} is {value}");
        }
        if kind == "histogram" {
            assert!(name.ends_with("_seconds") || name.ends_with("_events"), "{name} has no unit");
            let buckets: Vec<(f64, f64)> = samples
                .iter()
                .filter(|(series, ..)| series.ends_with("_bucket"))
                .map(|(_, labels, value)| (labels["le"].parse().unwrap(), *value))
                .collect();
            assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{buckets:?}");
            let (last, count) = *buckets.last().unwrap();
            assert!(last.is_infinite(), "{name} ends with +Inf");
            assert_eq!(count, scrape.value(&format!("{name}_count")), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_how_they_ended_and_by_how_they_were_verified() {
    let watched = Watched::start().await;
    let (_alice, sender) = watched.sender().await;
    for _ in 0..3 {
        sender.store("[1]").await;
    }
    assert_eq!(sender.send("{").await.status(), 400);
    let wrong = sender.with_password(&format!("{}x", sender.password));
    assert_eq!(wrong.status().await, 401);
    assert_eq!(sender.with_password("x").status().await, 401);
    let scrape = watched.scrape().await;
    for (series, expected) in [
        ("reasoner_ingest_requests_total{outcome=\"stored\"}", 3.0),
        ("reasoner_ingest_requests_total{outcome=\"invalid_json\"}", 1.0),
        ("reasoner_ingest_requests_total{outcome=\"unauthorized\"}", 2.0),
        ("reasoner_ingest_rejections_total{reason=\"invalid_json\"}", 1.0),
        ("reasoner_ingest_rejections_total{reason=\"wrong_password\"}", 2.0),
        ("reasoner_ingest_stored_bytes_total", 9.0),
        ("reasoner_ingest_request_duration_seconds_count", 6.0),
        ("reasoner_ingest_batch_events_sum", 3.0),
        ("reasoner_ingest_commit_duration_seconds_count", 3.0),
        ("reasoner_ingest_batch_failures_total", 0.0),
        ("reasoner_ingest_queue_events", 0.0),
        ("reasoner_ingest_queue_bytes", 0.0),
        ("reasoner_sender_verifications_total{way=\"slow\"}", 1.0),
        ("reasoner_sender_verifications_total{way=\"fast\"}", 3.0),
        ("reasoner_sender_verifications_total{way=\"forged\"}", 2.0),
        ("reasoner_argon2_runs_total{pool=\"senders\"}", 1.0),
        ("reasoner_http_responses_total{listener=\"metrics\",class=\"2xx\"}", 0.0),
        ("reasoner_database_up", 1.0),
        ("reasoner_database_pool_failures_total", 0.0),
        ("reasoner_ready", 1.0),
    ] {
        assert_eq!(scrape.value(series), expected, "{series}");
    }
    assert!(scrape.value("reasoner_argon2_runs_total{pool=\"pages\"}") >= 1.0, "signing up and in hashes");
    assert!(scrape.value("reasoner_http_responses_total{listener=\"public\",class=\"4xx\"}") >= 3.0);
    assert!(scrape.value("reasoner_database_pool_wait_seconds_count") >= 1.0);
    assert!(scrape.value("reasoner_event_partitions_ahead") >= 1.0);
    assert!(scrape.value("reasoner_event_partitions") >= 6.0);
    assert!(scrape.value("reasoner_connections{listener=\"metrics\"}") >= 1.0);
    assert!(scrape.value("reasoner_max_connections{listener=\"public\"}") >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_is_a_viewer_until_it_goes_away() {
    let watched = Watched::start().await;
    let (alice, sender) = watched.sender().await;
    let stream = alice.get("/events/live").await;
    assert_eq!(stream.status(), 200);
    assert_eq!(watched.scrape().await.value("reasoner_live_viewers"), 1.0);
    drop(stream);
    for _ in 0..500 {
        // That a reader has gone shows when there is something to tell it.
        sender.store("[]").await;
        if watched.scrape().await.value("reasoner_live_viewers") == 0.0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the viewer is still counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_says_so_when_the_database_is_away() {
    let postgres = crate::support::private_postgres::PrivatePostgres::start().await;
    let server = TestServer::start_over(postgres.url().to_owned(), |options| {
        options.metrics_bind = Some("127.0.0.1:0".to_owned());
    })
    .await;
    let metrics_url = format!("http://{}/metrics", server.application().metrics_address.unwrap());
    let watched = Watched { server, metrics_url };
    assert_eq!(watched.scrape().await.value("reasoner_database_up"), 1.0);
    postgres.kill().await;
    let scrape = watched.scrape().await;
    assert_eq!(scrape.value("reasoner_database_up"), 0.0);
    assert!(!scrape.0.contains_key("reasoner_event_partitions"), "what is not known is not said");
}
