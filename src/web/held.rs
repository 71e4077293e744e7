//! What the pages say of late events: which password they used, from where, until when they are held, and what became of them.

use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::holding::{Accepted, HeldEvents};
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

/// Why nothing was left to decide about.
pub(crate) const GONE_ALREADY: &str = "They were accepted or discarded already, or their 7 days are over.";

/// How many late events of a credential were stored, as a title.
pub(crate) fn accepted_title(accepted: &Accepted, name: &str) -> String {
    match accepted.stored {
        _ if is_nothing(accepted) => format!("There were no held events of {name} left."),
        0 => format!("No late events of {name} were stored."),
        1 => format!("1 late event of {name} is stored."),
        stored => format!("{} late events of {name} are stored.", grouped(stored)),
    }
}

/// Where they are now.
pub(crate) fn accepted_link(accepted: &Accepted, credential: &Credential) -> Option<(String, &'static str)> {
    (!is_nothing(accepted)).then(|| (format!("/events?credential={}", credential.username), "View events"))
}

/// Whether there was nothing left to accept.
fn is_nothing(accepted: &Accepted) -> bool {
    accepted.stored + accepted.repeated + accepted.too_old == 0
}

/// What became of late events that were accepted.
pub(crate) fn accepted_text(accepted: &Accepted) -> String {
    if is_nothing(accepted) {
        return GONE_ALREADY.to_owned();
    }
    let Accepted { stored, repeated, too_old, has_more } = *accepted;
    let mut text = match stored {
        0 => String::new(),
        1 => "It’s listed at the time it first arrived.".to_owned(),
        _ => "They’re listed at the time they first arrived.".to_owned(),
    };
    if repeated > 0 {
        text.push_str(&format!(" {} had already been stored under the same idempotency key.", grouped(repeated)));
    }
    if too_old > 0 {
        let (was, is) = if too_old == 1 { ("was", "is") } else { ("were", "are") };
        text.push_str(&format!(" {} {was} past your retention and {is} gone.", grouped(too_old)));
    }
    if has_more {
        text.push_str(" There are so many that this took a while. Accept again to store the rest.");
    }
    text.trim_start().to_owned()
}

/// The moment that a form was made for; now, where it does not say.
pub(crate) fn until(input: Option<&str>, now: Timestamp) -> Timestamp {
    input.and_then(|input| input.parse().ok()).unwrap_or(now)
}
