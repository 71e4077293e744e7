//! The host names that pages answer to: the configured ones, this machine's own, and the addresses that it listens on.
//!
//! A browser can be led to a program in its own network by a name of a stranger, which is made to mean that program's address a moment
//! later (DNS rebinding). It then takes the pages for that stranger's, whose scripts may read them. The name is in the request, so a
//! page that answers to its own names alone is safe. An address that stands there itself is no name, and cannot be made to mean another.

use std::net::IpAddr;

/// The names.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostNames {
    /// In lower case, addresses without brackets.
    names: Vec<String>,
    /// It listens on every address of the machine, whatever they are.
    any_address: bool,
}

impl HostNames {
    /// `names` as URLs have them; `bound` is where it listens.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>, bound: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut all = Self::default();
        for name in names {
            all.add(neutral(name));
        }
        for ip in bound {
            all.any_address |= ip.is_unspecified();
            if !ip.is_unspecified() {
                all.add(ip.to_string());
            }
        }
        all
    }

    fn add(&mut self, name: String) {
        if !self.names.contains(&name) && !is_loopback(&name) {
            self.names.push(name);
        }
    }

    /// Whether they include the host of a request, as it stands in `Host`: perhaps with a port, which does not matter.
    pub(crate) fn include(&self, host: &str) -> bool {
        let name = neutral(without_port(host));
        let is_address = name.parse::<IpAddr>().is_ok();
        is_loopback(&name) || (is_address && self.any_address) || self.names.contains(&name)
    }

    /// All of them in words: `webhooks.example.com, localhost`.
    pub(crate) fn words(&self) -> String {
        let mut words: Vec<&str> = self.names.iter().map(String::as_str).collect();
        words.push("localhost");
        if self.any_address {
            words.push("any IP address");
        }
        words.join(", ")
    }
}

/// What stands before the port.
fn without_port(host: &str) -> &str {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// A name as it is compared: names differ neither by case nor by a dot at their end.
fn neutral(name: &str) -> String {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// What means this machine wherever it is looked up, and nothing else.
fn is_loopback(name: &str) -> bool {
    let is_address = name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    is_address || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::HostNames;

    // holds W4
    #[test]
    fn only_the_names_of_the_program_are_answered() {
        let names =
            HostNames::new(["Webhooks.example.com", "in.example.com", "localhost"], ["192.0.2.1".parse().unwrap()]);
        for own in [
            "webhooks.example.com",
            "WEBHOOKS.example.com:443",
            "in.example.com.",
            "localhost:8080",
            "a.localhost",
            "127.0.0.1:1",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
            "192.0.2.1:8080",
        ] {
            assert!(names.include(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "webhooks.example.com.evil.example",
            "evil-localhost",
            "localhost.evil.example",
            "192.0.2.2",
            "127.0.0.1.evil.example",
            "[2001:db8::1]:8080",
            "webhooks.example.com:x",
            "",
        ] {
            assert!(!names.include(foreign), "{foreign}");
        }
        assert_eq!(names.words(), "webhooks.example.com, in.example.com, 192.0.2.1, localhost");
    }

    // holds W4
    #[test]
    fn on_every_address_of_a_machine_addresses_are_answered_and_names_are_not() {
        let names = HostNames::new([], ["0.0.0.0".parse().unwrap()]);
        assert!(names.include("192.168.1.5:8080") && names.include("[fd00::5]:8080") && names.include("localhost"));
        assert!(!names.include("evil.example:8080"));
        assert_eq!(names.words(), "localhost, any IP address");
    }
}
