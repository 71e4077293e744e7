//! How many connections to a listener come from each address and from each network around it, so that no stranger takes all places,
//! however many addresses they have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use crate::domain::network::TrustedProxies;

/// The networks of an address that are counted, by the lengths of their prefixes. The second may have twice as many connections as the
/// first, which stands for one customer, and the third three times as many: of a listener, three quarters.
const PREFIXES_V4: [u8; 3] = [32, 24, 16];
const PREFIXES_V6: [u8; 3] = [64, 48, 32];

fn networks(ip: IpAddr) -> [IpNet; 3] {
    let prefixes = if ip.is_ipv4() { PREFIXES_V4 } else { PREFIXES_V6 };
    prefixes.map(|length| IpNet::new(ip, length).map_or_else(|_| ip.into(), |network| network.trunc()))
}

/// Those of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    open: Arc<Mutex<HashMap<IpNet, usize>>>,
    max_each: usize,
    proxies: TrustedProxies,
}

/// The permit of one connection among those of its address.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    all: Addresses,
    /// Where it is counted.
    ip: Option<IpAddr>,
}

impl Addresses {
    pub(crate) fn new(max_each: usize, proxies: TrustedProxies) -> Self {
        Self { open: Arc::default(), max_each, proxies }
    }

    /// Takes a place for a new connection, if its address has one left. One that speaks for many is not counted.
    pub(crate) fn enter(&self, ip: IpAddr) -> Option<AddressPermit> {
        let ip = ip.to_canonical();
        if self.proxies.speaks_for_many(ip) {
            return Some(AddressPermit { all: self.clone(), ip: None });
        }
        let mut all = self.open();
        let networks = networks(ip);
        let is_full = |(network, times): (&IpNet, usize)| {
            all.get(network).is_some_and(|open| *open >= self.max_each.saturating_mul(times))
        };
        if networks.iter().zip(1..).any(is_full) {
            return None;
        }
        for network in networks {
            *all.entry(network).or_default() += 1;
        }
        Some(AddressPermit { all: self.clone(), ip: Some(ip) })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpNet, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some(ip) = self.ip else { return };
        let mut all = self.all.open();
        for network in networks(ip) {
            if let Some(open) = all.get_mut(&network) {
                *open -= 1;
                if *open == 0 {
                    all.remove(&network);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use crate::domain::network::TrustedProxies;

    // holds N6
    #[test]
    fn an_address_has_so_many_places_and_proxies_and_this_machine_have_all() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let all = Addresses::new(2, proxies);
        let enter = |ip: &str| all.enter(ip.parse().unwrap());
        let mut held = vec![enter("192.0.2.1").unwrap(), enter("::ffff:192.0.2.1").unwrap()];
        assert!(enter("192.0.2.1").is_none());
        held.push(enter("192.0.2.2").unwrap());
        held.extend([enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap()]);
        assert!(enter("2001:db8::3").is_none(), "of one network of a customer");
        for free in ["127.0.0.1", "::1", "10.1.2.3"] {
            held.extend((0..5).map(|_| enter(free).unwrap()));
        }
        held.clear();
        assert!(all.open().is_empty(), "nothing is kept of who has gone");
        assert!(enter("192.0.2.1").is_some());
    }

    // holds N6, A4
    #[test]
    fn who_has_many_networks_leaves_a_quarter_of_all_to_others() {
        const ALL: usize = 40;
        let all = Addresses::new(ALL / 4, TrustedProxies::default());
        let taken = |address: &dyn Fn(u16) -> String| {
            let held: Vec<_> =
                (0..ALL as u16).filter_map(|number| all.enter(address(number).parse().unwrap())).collect();
            held.len()
        };
        assert_eq!(taken(&|number| format!("2001:db8:1:1::{number:x}")), ALL / 4, "of a /64");
        assert_eq!(taken(&|number| format!("2001:db8:1:{number:x}::1")), ALL / 2, "of a /48");
        assert_eq!(taken(&|number| format!("2001:db8:{number:x}::1")), ALL / 4 * 3, "of a /32");
        assert_eq!(taken(&|number| format!("2001:{number:x}::1")), ALL, "of as many customers");
        assert_eq!(taken(&|number| format!("192.0.2.{number}")), ALL / 2, "of a /24");
        assert_eq!(taken(&|number| format!("192.0.{number}.1")), ALL / 4 * 3, "of a /16");
        assert!(all.open().is_empty());
    }
}
