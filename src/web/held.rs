//! What the pages say of late events: which password they used, from where, and until when they are held.

use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::holding::HeldEvents;
use crate::domain::time::rfc3339;
use crate::web::format::When;

/// The late events of one credential, with the question what to do with them.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Of the credential.
    pub(crate) id: String,
    pub(crate) name: String,
    /// `12 events from 203.0.113.7`.
    pub(crate) words: String,
    pub(crate) one: bool,
    pub(crate) kept_until: When,
    /// What the reader sees, so that what arrives meanwhile is asked about again.
    pub(crate) until: String,
    pub(crate) is_full: bool,
    /// What its owner is to do.
    pub(crate) remedy: &'static str,
}

impl Held {
    pub(crate) fn new(held: &HeldEvents, credential: &Credential, now: Timestamp) -> Self {
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            words: held.words(),
            one: held.events == 1,
            kept_until: When::minute(held.kept_until(), now),
            until: rfc3339(held.last_at),
            is_full: held.is_full(),
            remedy: match credential.current(now) {
                Some(_) => "Give it the current password.",
                None => "Rotate the credential and give it the new password.",
            },
        }
    }

    /// Of each credential that is not revoked, in the order of the credentials.
    pub(crate) fn list(held: &[HeldEvents], credentials: &[Credential], now: Timestamp) -> Vec<Self> {
        let live = credentials.iter().filter(|credential| credential.revoked_at.is_none());
        live.filter_map(|credential| Self::of(held, credential, now)).collect()
    }

    pub(crate) fn of(held: &[HeldEvents], credential: &Credential, now: Timestamp) -> Option<Self> {
        held.iter().find(|held| held.credential_id == credential.id).map(|held| Self::new(held, credential, now))
    }
}

/// The moment that a form was made for; now, where it does not say.
pub(crate) fn until(input: Option<&str>, now: Timestamp) -> Timestamp {
    input.and_then(|input| input.parse().ok()).unwrap_or(now)
}
