//! Refused requests put together: by address, and repeats of one cause. And which of them a list asks for.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::domain::ids::CredentialId;
use crate::domain::listing::EventFilter;
use crate::domain::rejection::{Reason, Rejection};

/// Which refused requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RejectionFilter<'a> {
    /// Of which credential and when; what it asks of bodies counts for nothing.
    pub(crate) events: &'a EventFilter,
    /// What a list shows of them contains this.
    pub(crate) text: Option<&'a str>,
    pub(crate) reason: Option<Reason>,
}

impl<'a> RejectionFilter<'a> {
    /// Whatever the reason.
    pub(crate) fn of(events: &'a EventFilter) -> Self {
        Self { events, text: None, reason: None }
    }
}

/// What was refused from one address for one credential.
#[derive(Clone, Debug)]
pub(crate) struct RejectionGroup {
    pub(crate) credential_id: CredentialId,
    pub(crate) remote_ip: IpAddr,
    pub(crate) credential_name: String,
    pub(crate) username: String,
    /// Each reason and how often, the most frequent first.
    pub(crate) reasons: Vec<(Reason, u64)>,
    pub(crate) count: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

impl RejectionGroup {
    /// Puts parts of one reason each together, the group that was heard of last first.
    pub(crate) fn gather(parts: Vec<RejectionGroup>) -> Vec<RejectionGroup> {
        let mut groups: Vec<RejectionGroup> = Vec::new();
        for part in parts {
            let same =
                |group: &&mut RejectionGroup| group.remote_ip == part.remote_ip && group.username == part.username;
            match groups.iter_mut().find(same) {
                Some(group) => {
                    group.reasons.extend(part.reasons);
                    group.count += part.count;
                    group.first_at = group.first_at.min(part.first_at);
                    group.last_at = group.last_at.max(part.last_at);
                }
                None => groups.push(part),
            }
        }
        for group in &mut groups {
            group.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.last_at));
        groups
    }
}

/// Repeats of one cause: with one credential, for one reason, from one address, with one password.
#[derive(Clone, Debug)]
pub(crate) struct Repeats {
    /// What is told of all of them; its count is not theirs.
    pub(crate) newest: Rejection,
    pub(crate) count: u64,
    pub(crate) first_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::RejectionGroup;
    use crate::domain::ids::CredentialId;
    use crate::domain::rejection::Reason;

    #[test]
    fn groups_are_put_together_by_address_and_credential() {
        let part = |ip: [u8; 4], username: &str, reason, count, first: &str, last: &str| RejectionGroup {
            credential_id: CredentialId(Uuid::nil()),
            remote_ip: ip.into(),
            credential_name: "Inventory".to_owned(),
            username: username.to_owned(),
            reasons: vec![(reason, count)],
            count,
            first_at: format!("2026-11-23T{first}Z").parse().unwrap(),
            last_at: format!("2026-11-23T{last}Z").parse().unwrap(),
        };
        let groups = RejectionGroup::gather(vec![
            part([192, 0, 2, 1], "rw_aaaaaaaa", Reason::InvalidJson, 2, "08:00:00", "09:00:00"),
            part([192, 0, 2, 1], "rw_bbbbbbbb", Reason::InvalidJson, 1, "10:00:00", "10:00:00"),
            part([192, 0, 2, 1], "rw_aaaaaaaa", Reason::WrongPassword, 5, "07:00:00", "08:30:00"),
        ]);
        let shown: Vec<_> = groups.iter().map(|g| (g.username.as_str(), g.count, g.reasons.clone())).collect();
        assert_eq!(shown[0], ("rw_bbbbbbbb", 1, vec![(Reason::InvalidJson, 1)]));
        assert_eq!(shown[1], ("rw_aaaaaaaa", 7, vec![(Reason::WrongPassword, 5), (Reason::InvalidJson, 2)]));
        assert_eq!(groups[1].first_at.to_string(), "2026-11-23T07:00:00Z");
        assert_eq!(groups[1].last_at.to_string(), "2026-11-23T09:00:00Z");
    }
}
