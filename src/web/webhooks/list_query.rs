//! Query parameters of the list of credentials: search, filter, sort, and the page.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::expiry::Nearness;
use crate::domain::ids::CredentialId;
use crate::web::filters::filter_choices::Choice;
use crate::web::filters::filter_links::address;
use crate::web::webhooks::credential_row::{Badge, ends_at};
use crate::web::webhooks::spark::{HalfHours, by_hour};

/// The address of the list.
pub(crate) const PATH: &str = "/settings/integrations/webhooks";
/// How many credentials a page has.
const PER_PAGE: usize = 50;
/// The longest text that is searched for, in characters.
const MAX_TEXT_CHARS: usize = 80;

/// What can be asked for as a state: what the address says, and what the choice is called.
const STATES: [(&str, &str); 9] = [
    ("", "All states"),
    ("active", "Active"),
    ("rotating", "Rotating"),
    ("expiring", "Expires within 14 days"),
    ("expired", "Expired"),
    ("disabled", "Disabled"),
    ("unused", "Never used"),
    ("held", "With held events"),
    (REVOKED, "Revoked"),
];
pub(crate) const REVOKED: &str = "revoked";

const SORTS: [(&str, &str); 6] = [
    ("", "Oldest first"),
    ("newest", "Newest first"),
    ("name", "By name"),
    ("used", "Last used first"),
    ("events", "Most events first"),
    ("expiry", "Expiring soonest"),
];

/// What an address asks for. A word that is no choice is none.
#[derive(Debug, Default)]
pub(crate) struct ListQuery {
    pub(crate) text: String,
    state: &'static str,
    sort: &'static str,
    after: Option<CredentialId>,
}

/// How many match on all pages, and where the pages beside one are.
#[derive(Debug, Default)]
pub(crate) struct ListLinks {
    pub(crate) total: usize,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

fn known(choices: &[(&'static str, &'static str)], word: &str) -> &'static str {
    choices.iter().find(|(value, _)| *value == word).map_or("", |(value, _)| value)
}

fn choices(all: &[(&'static str, &'static str)], chosen: &str) -> Vec<Choice> {
    let choice = |(value, label): &(&str, &str)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        selected: *value == chosen,
    };
    all.iter().map(choice).collect()
}

impl ListQuery {
    pub(crate) fn of(query: &[(String, String)]) -> Self {
        let said = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
        Self {
            text: said("q").chars().take(MAX_TEXT_CHARS).collect(),
            state: known(&STATES, said("state")),
            sort: known(&SORTS, said("sort")),
            after: said("after").parse().ok(),
        }
    }

    pub(crate) fn states(&self) -> Vec<Choice> {
        choices(&STATES, self.state)
    }

    pub(crate) fn sorts(&self) -> Vec<Choice> {
        choices(&SORTS, self.sort)
    }

    pub(crate) fn is_of_revoked(&self) -> bool {
        self.state == REVOKED
    }

    /// The address of the page that it asks for.
    pub(crate) fn address(&self) -> String {
        self.address_after(self.after)
    }

    fn address_after(&self, after: Option<CredentialId>) -> String {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        address(PATH, &[("q", &self.text), ("state", self.state), ("sort", self.sort), ("after", &after)])
    }

    /// The page of those that match, in order. An id that is none of theirs begins at the first.
    pub(crate) fn page<'a>(
        &self,
        all: &'a [Credential],
        (counts, held): (&HalfHours, &[CredentialId]),
        now: Timestamp,
    ) -> (Vec<&'a Credential>, ListLinks) {
        let mut found: Vec<&Credential> = all.iter().filter(|one| self.matches(one, held, now)).collect();
        self.sort(&mut found, counts, now);
        let begin = self.after.and_then(|after| found.iter().position(|one| one.id == after)).map_or(0, |at| at + 1);
        let end = (begin + PER_PAGE).min(found.len());
        // The page before ends with the credential before this one's first.
        let link = |end: usize| self.address_after(end.checked_sub(1).and_then(|last| found.get(last)).map(|c| c.id));
        let links = ListLinks {
            total: found.len(),
            previous: (begin > 0).then(|| link(begin.saturating_sub(PER_PAGE))),
            next: (end < found.len()).then(|| link(end)),
        };
        (found[begin..end].to_vec(), links)
    }

    fn matches(&self, credential: &Credential, held: &[CredentialId], now: Timestamp) -> bool {
        let badge = Badge::of(credential, now);
        let is_soon = || ends_at(credential, now).is_some_and(|end| end > now && Nearness::of(end, now).is_some());
        let has_state = match self.state {
            REVOKED => return badge == Badge::Revoked && self.has_text(credential),
            "active" => badge == Badge::Active,
            "rotating" => badge == Badge::Rotating,
            "expiring" => is_soon(),
            "expired" => badge == Badge::Expired,
            "disabled" => badge == Badge::Disabled,
            "unused" => credential.last_used().is_none(),
            "held" => held.contains(&credential.id),
            _ => true,
        };
        has_state && badge != Badge::Revoked && self.has_text(credential)
    }

    fn has_text(&self, credential: &Credential) -> bool {
        let text = self.text.to_lowercase();
        credential.name.to_lowercase().contains(&text) || credential.username.contains(&text)
    }

    /// They come oldest first.
    fn sort(&self, found: &mut [&Credential], counts: &HalfHours, now: Timestamp) {
        let used = |one: &Credential| one.last_used().and_then(|password| password.last_used_at);
        match self.sort {
            "newest" => found.reverse(),
            "name" => found.sort_by_cached_key(|one| one.name.to_lowercase()),
            "used" => found.sort_by_key(|one| Reverse(used(one))),
            "events" => found.sort_by_cached_key(|one| Reverse(by_hour(counts, one.id, now).iter().sum::<u64>())),
            "expiry" => found.sort_by(|a, b| match (ends_at(a, now), ends_at(b, now)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }),
            _ if self.is_of_revoked() => found.sort_by_key(|one| Reverse(one.revoked_at)),
            _ => {}
        }
    }
}
