//! The session: what the server remembers of a browser.
//!
//! Typed, over the map of JSON texts that actix-session keeps. The names of the fields are the words in stored sessions, which the
//! release before reads as well.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use actix_session::SessionExt;
use actix_web::HttpRequest;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::domain::ids::{SessionId, UserId};
use crate::web::kept_form::KeptForm;
use crate::web::notice::{Flash, Notice, TOLD_FOR};

/// The longest life of a session: 30 days when the reader asked to stay signed in, else half a day.
pub(crate) const REMEMBERED_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);
const NOT_REMEMBERED_LASTS: SignedDuration = SignedDuration::from_hours(12);
/// Longer than a first step counts, so that whoever is late with the code is told so.
const PENDING_IS_KNOWN: SignedDuration = SignedDuration::from_hours(1);

/// What is kept of a browser.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct SessionState {
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// What waits for the next page that tells it.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    flash: Option<Flash>,
    /// The session goes on under another key. Never stored: the store does it, and takes the word away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) new_key: bool,
}

/// A notice of another release is nothing that somebody is signed out for.
fn if_readable<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Flash>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(input)?).ok())
}

/// Whose browser it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Identity {
    SignedIn(SignedInSession),
    Pending {
        /// Under the word of stored sessions, which the release before reads as well.
        #[serde(rename = "halfway")]
        pending: PendingSecondFactor,
    },
    Nobody {},
}

impl Default for Identity {
    fn default() -> Self {
        Self::Nobody {}
    }
}

/// A browser that somebody is signed in with.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SignedInSession {
    pub(crate) user: UserId,
    pub(crate) id: SessionId,
    /// The reader asked to stay signed in.
    #[serde(default)]
    pub(crate) remember: bool,
    /// From where it was used last.
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: Option<String>,
    /// When the account password was last given. Sessions of releases that did not note it have none.
    pub(crate) password_at: Option<Timestamp>,
}

/// Somebody who gave the right password and has yet to give a code. Nobody is signed in by this.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct PendingSecondFactor {
    pub(crate) user: UserId,
    pub(crate) password_at: Timestamp,
    /// What was chosen with the password.
    pub(crate) remember: bool,
    pub(crate) next: String,
    /// A form that was lost with the session before, for after the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<KeptForm>,
}

impl SessionState {
    /// Of a stored map. One that cannot be read is nobody's.
    pub(crate) fn read(entries: &HashMap<String, String>) -> Self {
        let field = |(name, text): (&String, &String)| Some((name.clone(), serde_json::from_str(text).ok()?));
        let fields: Map<String, Value> = entries.iter().filter_map(field).collect();
        serde_json::from_value(Value::Object(fields)).unwrap_or_default()
    }
}

impl Identity {
    /// How long a session of this kind may last, from its beginning.
    pub(crate) fn lasts(&self) -> SignedDuration {
        match self {
            Self::SignedIn(signed_in) if signed_in.remember => REMEMBERED_LASTS,
            Self::SignedIn(_) => NOT_REMEMBERED_LASTS,
            Self::Pending { .. } => PENDING_IS_KNOWN,
            Self::Nobody {} => TOLD_FOR,
        }
    }

    pub(crate) fn signed_in(&self) -> Option<&SignedInSession> {
        if let Self::SignedIn(signed_in) = self { Some(signed_in) } else { None }
    }
}

/// The session of one request. What is written is stored when its answer begins.
#[derive(Clone)]
pub(crate) struct Session(actix_session::Session);

impl Session {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self(request.get_session())
    }

    pub(crate) fn signed_in(&self) -> Option<SignedInSession> {
        self.read().identity.signed_in().cloned()
    }

    /// Whose sign-in waits for the second factor, if anybody's.
    pub(crate) fn pending(&self) -> Option<PendingSecondFactor> {
        if let Identity::Pending { pending } = self.read().identity { Some(pending) } else { None }
    }

    /// Begins anew, under a new key: whatever key the browser had before is worth nothing, and nothing of what was kept goes over.
    pub(crate) fn begin(&self, identity: Identity) {
        self.0.renew();
        self.write(&SessionState { identity, ..SessionState::default() });
    }

    /// Notes from where it is used, where that has changed.
    pub(crate) fn note_address(&self, address: IpAddr) {
        self.change(|signed_in| signed_in.address.replace(address) != Some(address));
    }

    /// Notes that the account password was given. The session goes on under a new key, with the end that it had: whoever has copied the
    /// cookie before may do no more than before, and from now on nothing.
    pub(crate) fn note_password(&self, now: Timestamp) {
        self.change(|signed_in| signed_in.password_at.replace(now) != Some(now));
        let state = self.read();
        if state.identity.signed_in().is_some() {
            self.write(&SessionState { new_key: true, ..state });
        }
    }

    /// Ends it on the server, not only in the browser.
    pub(crate) fn end(&self) {
        self.0.purge();
    }

    /// Ends it, with a word for the page of whoever is signed out.
    pub(crate) fn end_telling(&self, notice: Notice, now: Timestamp) {
        self.begin(Identity::Nobody {});
        self.tell(notice, now);
    }

    /// Leaves a notice for the page that tells it, in the place of one that waited.
    pub(crate) fn tell(&self, notice: Notice, now: Timestamp) {
        self.write(&SessionState { flash: Some(Flash { notice, at: now }), ..self.read() });
    }

    /// Takes the notice that waits, where it is one `of` a page's own; nobody is told it again.
    pub(crate) fn take_notice<T>(&self, now: Timestamp, of: impl FnOnce(Notice) -> Option<T>) -> Option<T> {
        let SessionState { identity, flash, new_key } = self.read();
        let flash = flash?;
        let is_fresh = flash.is_fresh(now);
        let taken = of(flash.notice)?;
        match identity {
            // Nothing else was kept.
            Identity::Nobody {} => self.end(),
            identity => self.write(&SessionState { identity, flash: None, new_key }),
        }
        is_fresh.then_some(taken)
    }

    fn change(&self, change: impl FnOnce(&mut SignedInSession) -> bool) {
        let mut state = self.read();
        if let Identity::SignedIn(signed_in) = &mut state.identity
            && change(signed_in)
        {
            self.write(&state);
        }
    }

    fn read(&self) -> SessionState {
        SessionState::read(&self.0.entries())
    }

    fn write(&self, state: &SessionState) {
        self.0.clear();
        // A struct of texts, numbers and ids is always an object, and inserting one of its values cannot fail.
        if let Ok(Value::Object(fields)) = serde_json::to_value(state) {
            for (name, value) in fields {
                let _ = self.0.insert(name, value);
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Identity, SessionState};

    const USER: &str = "\"0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10\"";

    fn read(entries: &[(&str, &str)]) -> SessionState {
        let entries: HashMap<String, String> =
            entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        SessionState::read(&entries)
    }

    #[test]
    fn a_session_of_the_release_before_goes_on() {
        let stored = [
            ("user", USER),
            ("id", USER),
            ("remember", "true"),
            ("address", "\"203.0.113.7\""),
            ("agent", "null"),
            ("password_at", "\"2026-11-23T08:41:00Z\""),
        ];
        let state = read(&stored);
        let signed_in = state.identity.signed_in().unwrap();
        assert!(signed_in.remember && signed_in.agent.is_none() && signed_in.password_at.is_some());
        assert_eq!(signed_in.address, Some([203, 0, 113, 7].into()));
        let written = serde_json::to_value(&state).unwrap();
        for (name, text) in stored {
            assert_eq!(written[name].to_string(), text, "and that release reads it, too");
        }
        assert!(read(&stored[..2]).identity.signed_in().is_some(), "one of a release that noted less");
    }

    #[test]
    fn a_notice_that_cannot_be_read_signs_nobody_out() {
        let state = read(&[("user", USER), ("id", USER), ("flash", r#"{"notice":"of another release"}"#)]);
        assert!(state.identity.signed_in().is_some() && state.flash.is_none());
    }

    #[test]
    fn a_sign_in_that_waits_for_its_code_is_nobodys_session() {
        let pending =
            format!(r#"{{"user":{USER},"password_at":"2026-11-23T08:41:00Z","remember":false,"next":"/events"}}"#);
        let state = read(&[("halfway", &pending)]);
        assert!(state.identity.signed_in().is_none());
        assert!(matches!(state.identity, Identity::Pending { pending } if pending.next == "/events"));
    }

    #[test]
    fn what_cannot_be_read_is_nobodys() {
        for entries in [vec![], vec![("user", USER)], vec![("user", USER), ("id", "7")], vec![("halfway", "{")]] {
            assert!(matches!(read(&entries).identity, Identity::Nobody {}), "{entries:?}");
        }
    }
}
