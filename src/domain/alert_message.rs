//! What a message about alerts says: some items, each a sentence.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::alert::Alert;
use crate::domain::alert_facts::Facts;
use crate::domain::alert_kind::Told;
use crate::domain::escape_invisible::escape_invisible;

/// Names are cut in messages, in characters.
const MAX_NAME_CHARS: usize = 80;

/// One alert in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AlertItem {
    pub(crate) told: Told,
    /// Of the subject; empty where that is the account.
    name: String,
    facts: Facts,
}

impl AlertItem {
    pub(crate) fn new(alert: &Alert, told: Told) -> Self {
        Self { told, name: alert.name.clone(), facts: alert.facts.clone() }
    }

    /// What it is about: `A password expires (resolved)`.
    pub(crate) fn title(&self) -> String {
        let mark = match self.told {
            Told::Firing => "",
            Told::Still => " (still)",
            Told::Resolved => " (resolved)",
        };
        format!("{}{mark}", self.facts.kind().title())
    }

    /// `Billing: Its password expires on …`.
    pub(crate) fn sentence(&self) -> String {
        format!("{}: {}", subject_name(&self.name), self.facts.sentence(self.told, &TimeZone::UTC))
    }
}

/// The name of what an alert is about, harmless and short.
pub(crate) fn subject_name(name: &str) -> String {
    match name {
        "" => "All credentials".to_owned(),
        name => escape_invisible(name).chars().take(MAX_NAME_CHARS).collect(),
    }
}

/// The subject line of a message.
pub(crate) fn subject_line(items: &[AlertItem]) -> String {
    match items {
        [one] => one.title(),
        several => format!("{} alerts have changed", several.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::subject_name;

    // holds issue 18, section 1: others' words cut at 80 characters and harmless
    #[test]
    fn names_are_short_and_harmless() {
        assert_eq!(subject_name(&"a".repeat(200)).len(), 80);
        assert!(!subject_name("a\u{202e}b\r\nc").contains(['\u{202e}', '\r', '\n']));
        assert_eq!(subject_name(""), "All credentials");
    }
}
