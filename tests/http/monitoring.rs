//! What watches the program from outside, the dashboard for Grafana and the alerts for Prometheus, names metrics that exist.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::{Yaml, YamlLoader};

use crate::metrics::{Family, Watched};

const DASHBOARD: &str = include_str!("../../packaging/grafana/reasoner-webhooks.json");
const ALERTS: &str = include_str!("../../packaging/prometheus/alerts.yaml");
const ALERTS_TEST: &str = include_str!("../../packaging/prometheus/alerts_test.yaml");
const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// The metrics that an expression is about.
fn names_in(expression: &str) -> BTreeSet<String> {
    let name = regex::Regex::new(r"\b(reasoner|process)_[a-z0-9_]+").unwrap();
    let names: BTreeSet<String> = name.find_iter(expression).map(|found| found.as_str().to_owned()).collect();
    assert!(!names.is_empty(), "{expression}");
    names
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
    let known = scrape.series();
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
            for name in names_in(expression) {
                assert!(known.contains(&name), "{name} in {expression}");
                shown.insert(name);
            }
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
    let known = scrape.series();
    let matched = regex::Regex::new(r#"([a-z_]+)\{([a-z]+)="([a-z_]+)"\}"#).unwrap();
    for alert in alerts() {
        let expression = alert["expr"].as_str().unwrap();
        for name in names_in(expression) {
            assert!(known.contains(&name), "{name} in {expression}");
        }
        for found in matched.captures_iter(expression) {
            let Family { samples, .. } = &scrape.0[&found[1]];
            let is_there = samples.iter().any(|(_, labels, _)| labels.get(&found[2]).is_some_and(|is| *is == found[3]));
            assert!(is_there, "{} in {expression}", &found[0]);
        }
    }
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
