//! Evaluation of a search against where an event came from: its address, user agent and credential.

use std::net::IpAddr;

use ipnet::IpNet;
use memchr::memmem;

use crate::domain::query::ast::{SourceCondition, SourcePart};
use crate::domain::query::facts::EventSource;
use crate::domain::query::strings::folded;

/// Whether a condition holds for where an event came from.
pub(super) fn holds(SourceCondition { part, text }: &SourceCondition, source: &EventSource) -> bool {
    let is_in = |value: &str| memmem::find(&folded(value), &folded(text)).is_some();
    match part {
        SourcePart::Ip => match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
            (Ok(ip), _) => source.ip == ip,
            (_, Ok(network)) => network.contains(&source.ip),
            _ => source.ip.to_string().starts_with(&text.to_ascii_lowercase()),
        },
        SourcePart::Agent => is_in(&source.agent),
        SourcePart::Credential => is_in(&source.credential_name) || is_in(&source.username),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::query::ast::Query;
    use crate::domain::query::facts::{EventSource, Facts};

    #[test]
    fn where_an_event_came_from_is_asked_as_columns_show_it() {
        let source = EventSource {
            ip: "203.0.113.7".parse().unwrap(),
            agent: "curl/8.5.0".to_owned(),
            credential_name: "Main Shop".to_owned(),
            username: "rw_7f3kq2m9".to_owned(),
        };
        let event = Facts { source: Some(&source), ..Facts::of_body("{\"n\": 1}") };
        let matches = |search: &str| Query::parse(search).unwrap().unwrap().matches_event(&event);
        for search in [
            "ip:203.0.113.7",
            "ip:203.0.113.0/24",
            "ip:203.0.",
            "agent:CURL",
            "credential:shop",
            "credential:\"main shop\"",
            "credential:rw_7f3kq2m9",
            "ip:203.0.113.7 agent:curl and n = 1",
            "agent:wget or credential:shop",
            "not agent:wget",
        ] {
            assert!(matches(search), "{search}");
        }
        for search in
            ["ip:203.0.113.8", "ip:10.0.0.0/8", "ip:3.0", "agent:wget", "credential:shops", "agent:curl n = 2"]
        {
            assert!(!matches(search), "{search}");
        }
    }
}
