//! The passwords of a credential as its page tells of them: their age, their last use, and how each ended.

use jiff::Timestamp;

use crate::domain::credential::{Credential, PasswordRecord, PasswordState};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::masked::masked;
use crate::web::format::When;

/// How many passwords a page tells of, those that have ended included: their hints stand in the list of refused requests.
const SHOWN_PASSWORDS: usize = 10;
/// How much of a user agent it tells.
const SHOWN_AGENT_CHARS: usize = 80;

/// All that is known of one password.
pub(crate) struct PasswordLife {
    pub(crate) hint: String,
    pub(crate) masked: String,
    pub(crate) state: PasswordState,
    pub(crate) created: When,
    pub(crate) last_used: Option<When>,
    /// `from 203.0.113.7 with curl/8.5`.
    pub(crate) last_user: String,
    /// `in 21 h`, or when it ended.
    pub(crate) end: Option<When>,
    /// Why it ends or ended.
    pub(crate) why: &'static str,
}

impl PasswordLife {
    /// The newest first.
    pub(crate) fn list(credential: &Credential, now: Timestamp) -> Vec<Self> {
        credential.passwords.iter().take(SHOWN_PASSWORDS).map(|one| Self::new(one, credential, now)).collect()
    }

    fn new(password: &PasswordRecord, credential: &Credential, now: Timestamp) -> Self {
        let agent = password.last_used_agent.as_deref().unwrap_or_default();
        let agent: String = escape_invisible(agent).chars().take(SHOWN_AGENT_CHARS).collect();
        let from = password.last_used_ip.map(|ip| format!("from {ip}"));
        let with = Some(agent).filter(|agent| !agent.is_empty()).map(|agent| format!("with {agent}"));
        let ended = password.revoked_at.or(password.expires_at.filter(|end| *end <= now));
        Self {
            hint: password.hint.clone(),
            masked: masked(&password.hint),
            state: password.state(now),
            created: When::ago(password.created_at, now),
            last_used: password.last_used_at.map(|at| When::ago(at, now)),
            last_user: from.into_iter().chain(with).collect::<Vec<_>>().join(" "),
            end: ended.map(|at| When::ago(at, now)).or(password.expires_at.map(|end| When::left(end, now))),
            why: why(password, credential),
        }
    }

    /// The word for its state.
    pub(crate) fn state(&self) -> &'static str {
        self.state.as_str()
    }

    /// The class that goes with it.
    pub(crate) fn class(&self) -> &'static str {
        match self.state {
            PasswordState::Current => "ok",
            PasswordState::Expiring => "busy",
            PasswordState::Expired | PasswordState::Revoked => "",
        }
    }
}

fn why(password: &PasswordRecord, credential: &Credential) -> &'static str {
    let replaced_then = |at| credential.passwords.iter().any(|other| other.created_at == at);
    match (password.revoked_at, password.expires_at) {
        (Some(at), _) if Some(at) == credential.revoked_at => "The credential was revoked",
        (Some(at), _) if replaced_then(at) => "Replaced at once",
        (Some(_), _) => "Stopped early",
        (None, Some(_)) if password.overlap.is_some() => "Replaced, with an overlap",
        (None, Some(_)) => "Expiry date",
        (None, None) => "",
    }
}
