//! Sender settings: what a credential accepts beyond the default.
//!
//! Each is off until the owner of the credential chooses it, since each gives something up.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The most networks that a credential can be bound to.
pub(crate) const MAX_NETWORKS: usize = 100;
/// The longest name of a header, in characters.
const MAX_HEADER_NAME_CHARS: usize = 100;

/// What one credential accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderSettings {
    /// JSON under any content type but multipart and XML, and `payload=` in a form.
    pub(crate) any_content_type: bool,
    /// Bodies in gzip, zstd or deflate.
    pub(crate) compressed_bodies: bool,
    /// JSON lines, or a list, as an event each.
    pub(crate) batches: bool,
    pub(crate) put_as_post: bool,
    /// The header whose value names an event, so that it is stored once.
    pub(crate) stored_once_by: Option<HeaderName>,
    /// The networks that events may come from; none: from anywhere.
    pub(crate) networks: Vec<IpNet>,
}

impl SenderSettings {
    /// Whether events may come from an address. The transaction that stores asks the same of the database.
    pub(crate) fn allows(&self, ip: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Whether events may come from where they might not before.
    pub(crate) fn lets_in_more_than(&self, before: &Self) -> bool {
        let was_let_in = |network: &IpNet| before.networks.iter().any(|wider| wider.contains(network));
        !before.networks.is_empty() && (self.networks.is_empty() || !self.networks.iter().all(was_let_in))
    }

    /// What is chosen, a few words each, in the order of the page.
    pub(crate) fn words(&self) -> Vec<String> {
        let switches = [
            (self.any_content_type, "JSON under any content type"),
            (self.compressed_bodies, "compressed bodies"),
            (self.batches, "batches"),
            (self.put_as_post, "PUT"),
        ];
        let chosen = switches.into_iter().filter(|(is_on, _)| *is_on).map(|(_, words)| words.to_owned());
        let once = self.stored_once_by.as_ref().map(|name| format!("stored once by {name}"));
        let networks = match self.networks.len() {
            0 => None,
            1 => Some("from 1 network only".to_owned()),
            many => Some(format!("from {many} networks only")),
        };
        chosen.chain(once).chain(networks).collect()
    }
}

/// The name of a request header, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeaderName(String);

/// Why a text is not the name of a header whose value may name an event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidHeaderName {
    #[error("{0:?} is not the name of a header. Names look like X-GitHub-Delivery.")]
    NotAName(String),
    #[error("{0} has the same value in different events, so it can’t name one.")]
    NamesNoEvent(String),
}

/// Headers that many events of one sender share.
const SHARED: [&str; 12] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "transfer-encoding",
    "user-agent",
];

impl HeaderName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = InvalidHeaderName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().trim_end_matches(':').to_ascii_lowercase();
        // A token (RFC 9110, section 5.6.2).
        let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if name.is_empty() || name.len() > MAX_HEADER_NAME_CHARS || !is_token {
            return Err(InvalidHeaderName::NotAName(text.chars().take(40).collect()));
        }
        if SHARED.contains(&name.as_str()) {
            return Err(InvalidHeaderName::NamesNoEvent(name));
        }
        Ok(Self(name))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a list of networks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidNetworks {
    #[error("{0:?} is not an address or network. They look like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.")]
    NotANetwork(String),
    #[error("Use at most {MAX_NETWORKS} networks. These are {0}.")]
    TooMany(usize),
}

/// The networks of a list that is separated by commas, spaces or lines, each once and in order. An address is a network of itself;
/// an IPv4 address in IPv6 form is one of IPv4, as senders' addresses are.
pub(crate) fn parse_networks(text: &str) -> Result<Vec<IpNet>, InvalidNetworks> {
    let words = text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut networks = Vec::new();
    for word in words {
        let network =
            word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical())));
        let network = network.map_err(|_| InvalidNetworks::NotANetwork(word.chars().take(60).collect()))?;
        networks.push(network.trunc());
    }
    networks.sort_unstable();
    networks.dedup();
    if networks.len() > MAX_NETWORKS { Err(InvalidNetworks::TooMany(networks.len())) } else { Ok(networks) }
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, InvalidHeaderName, InvalidNetworks, SenderSettings, parse_networks};

    #[test]
    fn a_header_that_names_an_event_is_a_token_and_not_one_that_events_share() {
        assert_eq!("X-GitHub-Delivery:".parse::<HeaderName>().unwrap().as_str(), "x-github-delivery");
        for text in ["", "a b", "ä", "a\r\nb", &"a".repeat(101)] {
            assert!(matches!(text.parse::<HeaderName>(), Err(InvalidHeaderName::NotAName(_))), "{text:?}");
        }
        assert!(matches!("Content-Type".parse::<HeaderName>(), Err(InvalidHeaderName::NamesNoEvent(_))));
    }

    #[test]
    fn networks_are_read_from_lists_as_people_write_them() {
        let networks =
            parse_networks("203.0.113.7, 198.51.100.9/24\n2001:db8::1/32 ::ffff:192.0.2.1 203.0.113.7").unwrap();
        let words: Vec<_> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["192.0.2.1/32", "198.51.100.0/24", "203.0.113.7/32", "2001:db8::/32"]);
        assert_eq!(parse_networks(" \n"), Ok(Vec::new()));
        assert_eq!(parse_networks("10.0.0.0/33"), Err(InvalidNetworks::NotANetwork("10.0.0.0/33".to_owned())));
        let many: String = (0..101).map(|n| format!("10.0.{n}.0/24 ")).collect();
        assert_eq!(parse_networks(&many), Err(InvalidNetworks::TooMany(101)));
    }

    #[test]
    fn other_networks_let_in_more_unless_they_are_within_those_of_before() {
        let of = |networks: &str| SenderSettings {
            networks: parse_networks(networks).unwrap(),
            ..SenderSettings::default()
        };
        let before = of("203.0.113.0/24 2001:db8::/32");
        for narrower in ["203.0.113.0/24", "203.0.113.7", "2001:db8:1::/48 203.0.113.0/25"] {
            assert!(!of(narrower).lets_in_more_than(&before), "{narrower}");
        }
        for wider in ["", "203.0.112.0/23", "203.0.113.0/24 198.51.100.1"] {
            assert!(of(wider).lets_in_more_than(&before), "{wider}");
        }
        assert!(!of("203.0.113.7").lets_in_more_than(&of("")), "they came from anywhere");
    }

    #[test]
    fn without_networks_events_come_from_anywhere() {
        let mut settings = SenderSettings::default();
        assert!(settings.allows([203, 0, 113, 7].into()) && settings.words().is_empty());
        settings.networks = parse_networks("203.0.113.0/24").unwrap();
        assert!(settings.allows([203, 0, 113, 7].into()) && !settings.allows([203, 0, 114, 7].into()));
    }
}
