//! Tools that send events, as the pages "Connect your tool" show them. Those that are marked as run are run by tests/senders, with
//! the configuration that is on the page.

mod automation;
mod code;
mod monitoring;
mod services;

/// One tool.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Tool {
    /// Of its section on the page.
    pub id: &'static str,
    pub title: &'static str,
    /// What it sends and how it is set up. What stands between backticks is code.
    pub text: &'static str,
    /// The example, and where it goes. Empty where there is nothing to copy but the address.
    pub file: &'static str,
    pub goes_to: &'static str,
    pub password: Sends,
    pub settings: &'static [Setting],
    /// What it says itself when it is refused with 401: words that are in its log or its output.
    pub refused: &'static str,
    pub is_run: bool,
}

/// When a tool sends its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Sends {
    AtOnce,
    /// After a 401 has asked for it.
    WhenAsked,
    /// It takes no password but one in the address.
    InAddress,
    /// It sends none.
    Never,
}

/// A setting of a credential that a tool may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Setting {
    AnyContentType,
    Compressed,
    Batches,
    OnceByHeader,
    Addresses,
    Put,
    TokenAddress,
}

impl Setting {
    pub(crate) const ALL: [Self; 7] = [
        Self::AnyContentType,
        Self::Compressed,
        Self::Batches,
        Self::OnceByHeader,
        Self::Addresses,
        Self::Put,
        Self::TokenAddress,
    ];

    /// As the Webhooks page calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnyContentType => "Accept JSON under any content type",
            Self::Compressed => "Accept compressed bodies",
            Self::Batches => "Accept batches",
            Self::OnceByHeader => "Store once by a header",
            Self::Addresses => "Addresses it may come from",
            Self::Put => "Accept PUT",
            Self::TokenAddress => "Token address",
        }
    }

    /// When to switch it on.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::AnyContentType => "The tool sends JSON but calls it something else, and you can't change that.",
            Self::Compressed => "The tool compresses with gzip and can't be told not to.",
            Self::Batches => "The tool sends many events in one request, one on each line (NDJSON).",
            Self::OnceByHeader => {
                "The tool gives each event an ID in a header of its own and repeats events it isn't sure about."
            }
            Self::Addresses => "The service publishes the addresses it sends from.",
            Self::Put => "The tool can only send PUT.",
            Self::TokenAddress => "The tool can't send a password at all: the address itself proves who sends.",
        }
    }
}

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
        lead: "What watches your machines and collects what they say.",
        tools: monitoring::TOOLS,
    },
    Group {
        page: "connect-automation",
        title: "Automation",
        lead: "What runs jobs, flows and playbooks.",
        tools: automation::TOOLS,
    },
    Group {
        page: "connect-services",
        title: "Services",
        lead: "Services that call an address of yours when something happens.",
        tools: services::TOOLS,
    },
];

/// How a client treats a password in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum InAddress {
    Sends,
    /// It leaves the password out and gets 401.
    Drops,
    /// It sends nothing.
    Refuses,
}

/// Clients that were tried with a password in the address; tests/senders tries them again.
pub const CLIENTS: [(&str, InAddress); 18] = [
    ("curl", InAddress::Sends),
    ("wget", InAddress::Sends),
    ("HTTPie", InAddress::Sends),
    ("Python requests", InAddress::Sends),
    ("Python httpx", InAddress::Sends),
    ("Python aiohttp", InAddress::Sends),
    ("Node axios", InAddress::Sends),
    ("Node got", InAddress::Sends),
    ("Node superagent", InAddress::Sends),
    ("Go net/http", InAddress::Sends),
    ("PHP streams", InAddress::Sends),
    ("PHP Guzzle", InAddress::Sends),
    ("Java HttpClient", InAddress::Drops),
    ("C# HttpClient (Mono)", InAddress::Drops),
    ("Ruby Net::HTTP", InAddress::Drops),
    ("Node fetch", InAddress::Refuses),
    ("Python urllib", InAddress::Refuses),
    ("Perl LWP", InAddress::Refuses),
];

/// A text in parts: as it is, and as code.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(number, part)| (number % 2 == 1, part))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{GROUPS, parts};

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
