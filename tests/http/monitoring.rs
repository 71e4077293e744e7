//! What watches the program from outside, the dashboard for Grafana and the alerts for Prometheus, names metrics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

use crate::metrics::{Scrape, Watched};
use crate::support::not_tried::say_not_tried;

const DASHBOARD: &str = include_str!("../../packaging/grafana/reasoner-webhooks.json");
const ALERTS: &str = include_str!("../../packaging/prometheus/alerts.yaml");
const ALERTS_TEST: &str = include_str!("../../packaging/prometheus/alerts_test.yaml");
const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// The metrics that an expression is about.
fn names_in(expression: &str) -> BTreeSet<String> {
    let name = regex::Regex::new(r"\b(reasoner|process)_[a-z0-9_]+").unwrap();
    let names: BTreeSet<String> = name.find_iter(expression).map(|found| found.as_str().to_owned()).collect();
    // Prometheus says itself which of its targets are up.
    assert!(!names.is_empty() || expression.starts_with("up{job=\"reasoner-webhooks\"}"), "{expression}");
    names
}

/// What Prometheus adds to each sample, and what a histogram has beside its own labels.
const ALWAYS: [&str; 3] = ["instance", "job", "le"];

/// What an expression asks of metrics that the program does not say: a name, a label, or a value of one.
fn unknown_in(expression: &str, scrape: &Scrape) -> Vec<String> {
    let known = scrape.series();
    let mut unknown: Vec<String> = names_in(expression).into_iter().filter(|name| !known.contains(name)).collect();
    let family = |name: &str| {
        let base = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
        scrape.0.get(name).or_else(|| scrape.0.get(base?))
    };
    let has = |name: &str, label: &str, value: Option<&str>| {
        family(name).is_some_and(|family| {
            let values = family.samples.iter().filter_map(|(_, labels, _)| labels.get(label));
            values.into_iter().any(|is| value.is_none_or(|value| is == value))
        })
    };
    let selector = regex::Regex::new(r"\b((?:reasoner|process)_[a-z0-9_]+)\{([^}]*)\}").unwrap();
    let matcher = regex::Regex::new(r#"([a-z_]+)(?:=|!=|=~|!~)"([^"]*)""#).unwrap();
    for selected in selector.captures_iter(expression) {
        for matched in matcher.captures_iter(&selected[2]).filter(|matched| !ALWAYS.contains(&&matched[1])) {
            let values = matched[2].split('|').filter(|value| !has(&selected[1], &matched[1], Some(value)));
            unknown.extend(values.map(|value| format!("{}{{{}={value:?}}}", &selected[1], &matched[1])));
        }
    }
    let grouped = regex::Regex::new(r"\b(?:by|on|without|ignoring) ?\(([^)]*)\)").unwrap();
    for labels in grouped.captures_iter(expression) {
        let labels = labels.get(1).unwrap().as_str().split(',').map(str::trim);
        let no_label =
            |label: &&str| !ALWAYS.contains(label) && !names_in(expression).iter().any(|name| has(name, label, None));
        unknown.extend(labels.filter(no_label).map(str::to_owned));
    }
    unknown
}

fn alerts() -> Vec<Yaml> {
    let parsed = YamlLoader::load_from_str(ALERTS).unwrap();
    let groups = parsed[0]["groups"].as_vec().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_vec().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_of_the_dashboard_names_metrics_that_exist() {
    let watched = Watched::start().await;
    let scrape = watched.scrape().await;
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut shown, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        if panel["type"] == "row" {
            continue;
        }
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{} says what it shows", panel["title"]);
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{}", panel["title"]);
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(unknown_in(expression, &scrape), Vec::<String>::new(), "in {expression}");
            shown.extend(names_in(expression));
        }
    }
    for (name, family) in &scrape.0 {
        let prefixes = [name.clone(), format!("{name}_bucket"), format!("{name}_sum")];
        assert!(
            prefixes.iter().any(|name| shown.contains(name)) || family.kind == "gauge",
            "{name} is on no panel of the dashboard"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_is_about_metrics_and_labels_that_exist() {
    let watched = Watched::start().await;
    let scrape = watched.scrape().await;
    for alert in alerts() {
        let expression = alert["expr"].as_str().unwrap();
        assert_eq!(unknown_in(expression, &scrape), Vec::<String>::new(), "in {expression}");
    }
    for (expression, unknown) in [
        ("sum(reasoner_no_such_total)", "reasoner_no_such_total"),
        ("reasoner_ingest_requests_total{instance=~\"x\",outcome=\"stroed\"}", "outcome=\"stroed\""),
        ("reasoner_ingest_requests_total{outcome=~\"stored|nothing\"}", "outcome=\"nothing\""),
        ("sum by (listner) (reasoner_connections)", "listner"),
    ] {
        assert!(unknown_in(expression, &scrape).join(" ").contains(unknown), "{unknown} is not found");
    }
}

/// Where promtool is, on the path or where `scripts/ensure-promtool` has put it; or why it is not, as that has written it down.
fn promtool() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap();
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools");
    let found = std::env::split_paths(&path).chain([tools.clone()]).map(|directory| directory.join("promtool"));
    let reason = || {
        std::fs::read_to_string(tools.join("promtool.missing")).unwrap_or_else(|_| {
            panic!("promtool is not on this machine, and the alerts are tried with it. This gets it: scripts/ensure-promtool")
        })
    };
    found.into_iter().find(|file| file.is_file()).ok_or_else(reason)
}

#[test]
fn alerts_fire_when_they_should_and_only_then_unless_there_is_a_reason_why_promtool_is_missing() {
    let promtool = match promtool() {
        Ok(promtool) => promtool,
        Err(reason) => return say_not_tried("The alerts", reason.trim()),
    };
    let output = Command::new(promtool)
        .args(["test", "rules", "alerts_test.yaml"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn every_alert_says_what_to_do_is_documented_and_has_a_case_of_its_own() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `Reasoner"));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let mut documented: BTreeMap<&str, &str> =
        rows.map(cells).map(|cells| (cells[0].trim_matches('`'), cells[1])).collect();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}");
        assert_eq!(documented.remove(name), Some(severity), "{name} in docs/metrics.md");
        for annotation in ["summary", "description"] {
            assert!(alert["annotations"][annotation].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
        }
        assert!(ALERTS_TEST.contains(&format!("alertname=\"{name}\"")), "{name} in alerts_test.yaml");
    }
    assert!(documented.is_empty(), "{documented:?} are no alerts");
}
