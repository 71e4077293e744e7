//! How many files the program may have open, which bounds its connections. Shells often set the soft limit to 1,024, for
//! the sake of old programs that use `select`; the hard limit is what the administrator meant.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::checked::ConnectionLimits;

/// What is asked for, the first that is granted: some systems call the hard limit infinite, and then refuse much.
const WANTED_FILES: [u64; 2] = [65_536, 10_240];
/// Kept for the database, the log, and files, whatever connections there are.
const RESERVED_FILES: u64 = 256;
/// An address may have one of so many connections of a listener at most.
const ADDRESS_PART: usize = 4;

/// What each of so many listeners may give its connections. Raises the soft limit as far as it helps.
pub(crate) fn limits(wanted: ConnectionLimits, listeners: usize) -> ConnectionLimits {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let raised = WANTED_FILES.into_iter().map(|wanted| wanted.min(hard)).find(|wanted| {
        let raises = *wanted > soft;
        raises && setrlimit(Resource::RLIMIT_NOFILE, *wanted, hard).is_ok()
    });
    let allowed = raised.unwrap_or(soft);
    let connections = usize::try_from(allowed.saturating_sub(RESERVED_FILES)).unwrap_or(usize::MAX);
    let share = (connections / listeners).max(1);
    let max_connections = wanted.max_connections.min(share);
    let max_of_an_address = wanted.max_of_an_address.min((max_connections / ADDRESS_PART).max(1));
    ConnectionLimits { max_connections, max_of_an_address, ..wanted }
}

#[cfg(test)]
mod tests {
    use super::limits;
    use crate::config::checked::ConnectionLimits;

    // holds X1
    #[test]
    fn listeners_share_the_files_that_may_be_open() {
        let many = ConnectionLimits { max_connections: usize::MAX, ..ConnectionLimits::default() };
        let alone = limits(many, 1).max_connections;
        assert!(alone >= 1 && limits(many, 2).max_connections <= alone.div_ceil(2));
        assert_eq!(limits(ConnectionLimits { max_connections: 7, ..many }, 1).max_connections, 7);
    }
}
