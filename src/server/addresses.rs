//! How many connections to a listener come from each address, so that no stranger takes all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::network::{TrustedProxies, throttle_key};

/// Those of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max_each: usize,
    proxies: TrustedProxies,
}

/// The permit of one connection among those of its address.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    all: Addresses,
    key: Option<IpAddr>,
}

impl Addresses {
    pub(crate) fn new(max_each: usize, proxies: TrustedProxies) -> Self {
        Self { open: Arc::default(), max_each, proxies }
    }

    /// Takes a place for a new connection, if its address has one left. One that speaks for many is not counted.
    pub(crate) fn enter(&self, ip: IpAddr) -> Option<AddressPermit> {
        let ip = ip.to_canonical();
        if self.proxies.speaks_for_many(ip) {
            return Some(AddressPermit { all: self.clone(), key: None });
        }
        let key = throttle_key(ip);
        let mut all = self.open();
        let open = all.entry(key).or_default();
        if *open >= self.max_each {
            return None;
        }
        *open += 1;
        Some(AddressPermit { all: self.clone(), key: Some(key) })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut all = self.all.open();
        if let Some(open) = all.get_mut(&key) {
            *open -= 1;
            if *open == 0 {
                all.remove(&key);
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
}
