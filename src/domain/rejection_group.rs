//! Refused requests put together: by address, and repeats of one cause. And which of them a list asks for.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

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
    pub(crate) newest: Rejection,
    pub(crate) count: u64,
    pub(crate) first_at: Timestamp,
}

impl Repeats {
    /// Puts refused requests, newest first, together to at most so many. Where there would be more, the last that was taken, before which
    /// the next page begins.
    pub(crate) fn gather(rejections: Vec<Rejection>, most: usize) -> (Vec<Repeats>, Option<Uuid>) {
        let mut repeats: Vec<Repeats> = Vec::new();
        let mut known = HashMap::new();
        let mut taken = None;
        for rejection in rejections {
            let Rejection { credential_id, reason, remote_ip, .. } = rejection;
            let cause = (credential_id, reason, remote_ip, rejection.hint.clone());
            match known.get(&cause) {
                Some(&at) => {
                    let repeats: &mut Repeats = &mut repeats[at];
                    repeats.count += u64::from(rejection.count);
                    repeats.first_at = rejection.at;
                }
                None if repeats.len() == most => return (repeats, taken),
                None => {
                    known.insert(cause, repeats.len());
                    let (count, first_at) = (u64::from(rejection.count), rejection.at);
                    repeats.push(Repeats { count, first_at, newest: rejection.clone() });
                }
            }
            taken = Some(rejection.id);
        }
        (repeats, None)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{RejectionGroup, Repeats};
    use crate::domain::ids::CredentialId;
    use crate::domain::rejection::{Reason, Rejection};

    #[test]
    fn repeats_of_one_cause_are_one_with_a_count_and_a_span() {
        let one = |n: u32, reason, ip: [u8; 4]| Rejection {
            id: Uuid::from_u128(n.into()),
            at: jiff::Timestamp::from_second(n.into()).unwrap(),
            credential_id: CredentialId(Uuid::nil()),
            credential_name: String::new(),
            username: String::new(),
            reason,
            hint: None,
            detail: Some(format!("detail {n}")),
            remote_ip: ip.into(),
            user_agent: None,
            size_bytes: None,
            count: n,
        };
        let (here, there) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let rows = vec![
            one(9, Reason::InvalidJson, here),
            one(8, Reason::WrongPassword, here),
            one(7, Reason::InvalidJson, here),
            one(6, Reason::InvalidJson, there),
            one(5, Reason::WrongPassword, here),
        ];
        let told = |most| {
            let (repeats, next) = Repeats::gather(rows.clone(), most);
            let told = repeats.iter().map(|r| (r.newest.count, r.count, r.first_at.as_second()));
            (told.collect::<Vec<_>>(), next.map(|id| id.as_u128()))
        };
        assert_eq!(told(50), (vec![(9, 16, 7), (8, 13, 5), (6, 6, 6)], None));
        assert_eq!(told(3).1, None);
        assert_eq!(told(2), (vec![(9, 16, 7), (8, 8, 8)], Some(7)), "the next page begins with what was not taken");
    }

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
