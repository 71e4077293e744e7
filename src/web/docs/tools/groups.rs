//! The pages of tools.

use crate::web::docs::tools::tool::Tool;
use crate::web::docs::tools::{automation, code, monitoring, services};

/// A page of tools.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Group {
    /// The last part of its address.
    pub page: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub tools: &'static [Tool],
}

/// All pages of tools.
pub const GROUPS: [Group; 4] = [
    Group {
        page: "connect-code",
        title: "Command line and code",
        lead: "Programs for a terminal, and the HTTP libraries of languages.",
        tools: code::TOOLS,
    },
    Group {
        page: "connect-monitoring",
        title: "Monitoring and logs",
        lead: "Tools that watch your machines and collect their logs and metrics.",
        tools: monitoring::TOOLS,
    },
    Group {
        page: "connect-automation",
        title: "Automation",
        lead: "Tools that run jobs, flows and playbooks.",
        tools: automation::TOOLS,
    },
    Group {
        page: "connect-services",
        title: "Services",
        lead: "Services that call an address of yours when something happens.",
        tools: services::TOOLS,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::GROUPS;
    use crate::web::docs::tools::tool::parts;

    #[test]
    fn there_are_many_tools_and_each_has_a_name_of_its_own() {
        let tools = || GROUPS.iter().flat_map(|group| group.tools);
        let ids: BTreeSet<&str> = tools().map(|tool| tool.id).collect();
        assert_eq!(ids.len(), tools().count());
        assert!(ids.len() >= 40, "{}", ids.len());
    }

    #[test]
    fn texts_close_what_they_open() {
        for tool in GROUPS.iter().flat_map(|group| group.tools) {
            assert_eq!(parts(tool.text).count() % 2, 1, "{}: an odd backtick", tool.id);
            assert!(tool.text.ends_with('.'), "{} ends in a full stop", tool.id);
            assert!(tool.file.is_empty() == tool.goes_to.is_empty(), "{}: an example and its place", tool.id);
            assert!(!tool.is_run || !tool.refused.is_empty(), "{} was run, so its words are known", tool.id);
        }
    }
}
