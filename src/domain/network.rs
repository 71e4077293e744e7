//! Client addresses behind trusted proxies, and the keys of rate limits.
//!
//! Who a request came from. The socket's peer, unless the peer is a proxy that was configured as trusted: then the
//! forwarding headers are read from the right, and the first address that is no trusted proxy is the client's.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The configured proxies. Empty: nobody is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

/// Where a request came from and whether it travelled over TLS as far as we can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Sender {
    pub ip: IpAddr,
    /// What a trusted proxy says of the scheme; `None` when nobody we believe said anything.
    pub https: Option<bool>,
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether no proxy is trusted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every address counts as a proxy, so that any sender can say where it is.
    pub(crate) fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    /// Whether an address is that of a proxy.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// Whether an address stands for many: that of a proxy, or of what runs on this very machine, such as a tunnel.
    pub(crate) fn speaks_for_many(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.contains(ip)
    }

    /// `forwarded_for` and `forwarded_proto` are the values of `X-Forwarded-For` and `X-Forwarded-Proto`, in the order in
    /// which they arrived.
    pub(crate) fn sender<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
        forwarded_proto: impl DoubleEndedIterator<Item = &'a str>,
    ) -> Sender {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return Sender { ip: peer, https: None };
        }
        let mut ip = peer;
        for hop in forwarded_for.rev().flat_map(|value| value.rsplit(',')) {
            // An entry that is no address ends the chain: whatever stands left of it cannot be trusted either.
            let Some(address) = parse_hop(hop) else { break };
            ip = address;
            if !self.contains(address) {
                break;
            }
        }
        let proto = forwarded_proto.rev().flat_map(|value| value.rsplit(',')).map(str::trim).find(|p| !p.is_empty());
        Sender { ip, https: proto.map(|p| p.eq_ignore_ascii_case("https")) }
    }
}

/// An entry of `X-Forwarded-For`: an address, perhaps with a port, perhaps in brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|a| a.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    ip.ok().map(|ip| ip.to_canonical())
}

/// What stands for a sender when failures are counted: an IPv4 address, or the /64 an IPv6 customer usually has.
pub(crate) fn throttle_key(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

/// What stands for whoever waits in a queue: an IPv4 address, or the /48 that one IPv6 customer may have, however many addresses of it
/// are used.
pub(crate) fn queue_key(ip: IpAddr) -> IpAddr {
    match throttle_key(ip) {
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Sender, TrustedProxies, queue_key, throttle_key};

    fn sender(peer: &str, forwarded_for: &[&str], proto: &[&str]) -> Sender {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        proxies.sender(peer.parse().unwrap(), forwarded_for.iter().copied(), proto.iter().copied())
    }

    fn ip(peer: &str, forwarded_for: &[&str]) -> String {
        sender(peer, forwarded_for, &[]).ip.to_string()
    }

    // holds W12
    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(ip("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(sender("203.0.113.7", &[], &["https"]).https, None);
    }

    // holds W12
    #[test]
    fn a_trusted_proxy_is_read_from_the_right() {
        assert_eq!(ip("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(ip("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.9"]), "198.51.100.1");
        assert_eq!(ip("10.0.0.1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(ip("10.0.0.1", &["10.0.0.5"]), "10.0.0.5");
        assert_eq!(ip("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(ip("10.0.0.1", &["198.51.100.1, garbage"]), "10.0.0.1");
        assert_eq!(ip("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(ip("::ffff:10.0.0.1", &["198.51.100.1:99"]), "198.51.100.1");
    }

    // holds W12
    #[test]
    fn the_scheme_is_what_the_nearest_proxy_says() {
        assert_eq!(sender("10.0.0.1", &[], &["https"]).https, Some(true));
        assert_eq!(sender("10.0.0.1", &[], &["https, http"]).https, Some(false));
        assert_eq!(sender("10.0.0.1", &[], &[]).https, None);
    }

    #[test]
    fn failures_are_counted_by_v4_address_and_v6_customer() {
        let key = |text: &str| throttle_key(text.parse::<IpAddr>().unwrap()).to_string();
        assert_eq!(key("203.0.113.7"), "203.0.113.7");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(queue_key("203.0.113.7".parse().unwrap()).to_string(), "203.0.113.7");
        assert_eq!(queue_key("2001:db8:1:2:3:4:5:6".parse().unwrap()).to_string(), "2001:db8:1::");
    }
}
