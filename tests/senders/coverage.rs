//! What the documentation says was run is run here, and nothing else says so; what can be read without its program is well formed.

use std::collections::BTreeSet;

use reasoner_webhooks::web::docs::tools::groups::GROUPS;
use reasoner_webhooks::web::docs::tools::tool::Tool;
use yaml_rust2::YamlLoader;

use crate::{command_line, scripts, services};

fn all() -> impl Iterator<Item = &'static Tool> {
    GROUPS.iter().flat_map(|group| group.tools)
}

#[test]
fn every_tool_that_is_said_to_be_run_is_run() {
    let lists = [command_line::TOOLS, scripts::TOOLS, services::TOOLS];
    let run: BTreeSet<&str> = lists.into_iter().flatten().map(|text| text.tool().unwrap().0.id).collect();
    let said: BTreeSet<&str> = all().filter(|tool| tool.is_run).map(|tool| tool.id).collect();
    assert_eq!(run, said);
}

#[test]
fn examples_that_are_yaml_or_json_can_be_read() {
    let (mut read, mut unread) = (0, Vec::new());
    for tool in all().filter(|tool| !tool.file.is_empty()) {
        let text = std::fs::read_to_string(format!("templates/docs/snippets/{}", tool.file)).unwrap();
        let result = match tool.file.rsplit_once('.').unwrap().1 {
            "yml" => YamlLoader::load_from_str(&text).map(drop).map_err(|error| error.to_string()),
            "json" => serde_json::from_str::<serde_json::Value>(&text).map(drop).map_err(|error| error.to_string()),
            _ => continue,
        };
        read += 1;
        unread.extend(result.err().map(|error| format!("{}: {error}", tool.file)));
    }
    assert!(unread.is_empty() && read >= 7, "{read} were read, and not these: {unread:?}");
}
