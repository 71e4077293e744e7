//! One credential as the Webhooks page shows it: its state, its passwords with their age and last use, and what its owner should
//! know of them.

use jiff::Timestamp;

use crate::domain::credential::{Credential, CredentialState, PasswordRecord, PasswordState};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry::{Nearness, age};
use crate::domain::grouped::grouped;
use crate::domain::masked::masked;
use crate::domain::overlap::Overlap;
use crate::domain::time::{ago, day_and_minute, left, utc};
use crate::web::format::When;
use crate::web::held::Held;
use crate::web::webhooks::spark::{self, HalfHours};

/// How many passwords a card tells of, those that have ended included: their hints stand in the list of what was refused.
const SHOWN_PASSWORDS: usize = 5;
/// How much of a user agent it tells.
const SHOWN_AGENT_CHARS: usize = 80;

/// What the card says of the credential in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    Active,
    Rotating,
    /// It is not disabled, and yet no password of it works.
    Expired,
    Disabled,
    Revoked,
}

/// A password that works, or the last one that did.
pub(crate) struct PasswordLine {
    pub(crate) hint: String,
    pub(crate) masked: String,
    /// `new`, or `old, 21 h left`.
    pub(crate) note: String,
}

/// All that is known of one password.
pub(crate) struct PasswordLife {
    pub(crate) hint: String,
    pub(crate) masked: String,
    state: PasswordState,
    pub(crate) created: When,
    pub(crate) last_used: Option<When>,
    /// `from 203.0.113.7 with curl/8.5`.
    pub(crate) last_user: String,
    /// `in 21 h`, or when it ended.
    pub(crate) end: Option<When>,
}

/// One credential as the page shows it.
pub(crate) struct Card {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) badge: Badge,
    pub(crate) passwords: Vec<PasswordLine>,
    pub(crate) lives: Vec<PasswordLife>,
    pub(crate) last_used: Option<When>,
    pub(crate) last_used_ip: Option<String>,
    pub(crate) events: String,
    pub(crate) spark: Option<(String, String)>,
    pub(crate) busiest: String,
    pub(crate) overlap: Option<OverlapNotice>,
    pub(crate) life: Option<LifeNotice>,
    pub(crate) held: Option<Held>,
    pub(crate) holds_late_events: bool,
    /// What it accepts beyond the default, in words.
    pub(crate) settings: String,
    pub(crate) created: When,
    pub(crate) ended: Option<When>,
}

/// That a password ends soon, has ended at its date, or is old.
pub(crate) struct LifeNotice {
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    pub(crate) text: &'static str,
    /// Whether the date can be changed still.
    pub(crate) has_date: bool,
}

/// During an overlap: whether the old password is still in use, and from where.
pub(crate) struct OverlapNotice {
    pub(crate) old: OldPassword,
    pub(crate) ends: When,
    /// By how long it can be extended.
    pub(crate) extension: Option<&'static str>,
}

/// What decides whether the old password can go.
pub(crate) enum OldPassword {
    /// When and from where, after the change and, as far as the new one is in use, after that.
    StillUsed(String),
    /// The new one is in use, and the old one no longer.
    NotSinceTheNew,
    /// Neither has been used since the change, so nobody knows yet.
    Unknown,
    /// The new one had a date, at which it ended, so that the old one is all that works.
    OutlivesTheNew(String),
}

impl Card {
    pub(crate) fn new(credential: &Credential, counts: &HalfHours, now: Timestamp) -> Self {
        let by_hour = spark::by_hour(counts, credential.id, now);
        let events: u64 = by_hour.iter().sum();
        let last = credential.last_used();
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            username: credential.username.clone(),
            badge: badge(credential, now),
            passwords: lines(credential, now),
            lives: credential.passwords.iter().take(SHOWN_PASSWORDS).map(|one| PasswordLife::new(one, now)).collect(),
            last_used: last.and_then(|password| password.last_used_at).map(|at| When::ago(at, now)),
            last_used_ip: last.and_then(|password| password.last_used_ip).map(|ip| ip.to_string()),
            events: grouped(events),
            spark: (events > 0).then(|| spark::spark(&by_hour)),
            busiest: grouped(by_hour.iter().copied().max().unwrap_or(0)),
            overlap: OverlapNotice::new(credential, now),
            life: LifeNotice::new(credential, now),
            held: None,
            holds_late_events: credential.holds_late_events,
            settings: credential.settings.words().join(", "),
            created: When::minute(credential.created_at, now),
            ended: credential.revoked_at.map(|at| When::minute(at, now)),
        }
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.badge == Badge::Disabled
    }

    pub(crate) fn is_rotating(&self) -> bool {
        self.badge == Badge::Rotating
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.badge == Badge::Expired
    }
}

impl OverlapNotice {
    /// The class of the notice, and its icon.
    pub(crate) fn kind(&self) -> (&'static str, &'static str) {
        match self.old {
            OldPassword::StillUsed(_) => ("warn", "alert"),
            OldPassword::NotSinceTheNew => ("ok", "check"),
            OldPassword::Unknown => ("", "clock"),
            OldPassword::OutlivesTheNew(_) => ("bad", "alert"),
        }
    }
}

/// `3 min ago from 203.0.113.7`.
pub(crate) fn use_of(password: &PasswordRecord, now: Timestamp) -> Option<String> {
    let at = password.last_used_at?;
    let from = password.last_used_ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
    Some(format!("{}{from}", ago(at, now)))
}

fn badge(credential: &Credential, now: Timestamp) -> Badge {
    match credential.state(now) {
        CredentialState::Revoked => Badge::Revoked,
        CredentialState::Disabled => Badge::Disabled,
        CredentialState::Rotating => Badge::Rotating,
        CredentialState::Active if credential.current(now).is_none() => Badge::Expired,
        CredentialState::Active => Badge::Active,
    }
}

/// The passwords that work; where none does, the newest.
fn lines(credential: &Credential, now: Timestamp) -> Vec<PasswordLine> {
    let line = |password: &PasswordRecord, note| PasswordLine {
        hint: password.hint.clone(),
        masked: masked(&password.hint),
        note,
    };
    let live = credential.passwords.iter().filter_map(|password| {
        let note = match password.state(now) {
            PasswordState::Current => {
                let new = credential.expiring(now).map(|_| "new".to_owned());
                let until = password.expires_at.map(|end| utc("until %-d %b %Y", end));
                new.into_iter().chain(until).collect::<Vec<_>>().join(", ")
            }
            PasswordState::Expiring => format!("old, {}", left(password.expires_at.unwrap_or(now), now)),
            PasswordState::Expired | PasswordState::Revoked => return None,
        };
        Some(line(password, note))
    });
    let live: Vec<PasswordLine> = live.collect();
    let ended = credential.passwords.first().filter(|_| live.is_empty());
    let ended = ended.map(|password| line(password, password.state(now).as_str().to_owned()));
    live.into_iter().chain(ended).collect()
}

impl PasswordLife {
    fn new(password: &PasswordRecord, now: Timestamp) -> Self {
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
        }
    }

    /// `Ends`, or how it did.
    pub(crate) fn end_label(&self) -> &'static str {
        match self.state {
            PasswordState::Current | PasswordState::Expiring => "Ends",
            PasswordState::Expired => "Expired",
            PasswordState::Revoked => "Revoked",
        }
    }

    pub(crate) fn state(&self) -> &'static str {
        self.state.as_str()
    }
}

impl LifeNotice {
    fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        if let Some(end) = credential.expired_at(now) {
            let title = format!("The password expired on {}.", day_and_minute(end, now));
            let text = "Its senders get 401. Rotate the credential and give them the new password.";
            return Some(Self { kind: "bad", title, text, has_date: false });
        }
        let current = credential.current(now)?;
        if let Some(end) = current.expires_at {
            let kind = match Nearness::of(end, now)? {
                Nearness::Ahead => "",
                Nearness::Soon => "warn",
                Nearness::Tomorrow | Nearness::Over => "bad",
            };
            let title = format!("The password expires on {}: {}.", day_and_minute(end, now), left(end, now));
            let text = "Rotate it before that and update its senders, or change the date.";
            return Some(Self { kind, title, text, has_date: true });
        }
        let title = format!("This password is more than {} old.", age(current.created_at, now)?);
        let text = "It still works. Rotate it when it suits you.";
        Some(Self { kind: "", title, text, has_date: false })
    }
}

impl OverlapNotice {
    fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        let old = credential.expiring(now)?;
        let current = credential.current(now);
        let rotated_at = current.map_or(now, |current| current.created_at);
        let first_use = current.and_then(|current| current.first_used_at);
        let since = first_use.unwrap_or(rotated_at);
        let still_used = use_of(old, now).filter(|_| old.last_used_at.is_some_and(|at| at >= since));
        let new_ended = credential.passwords.first().filter(|new| new.state(now) == PasswordState::Expired);
        let old_password = match (new_ended.and_then(|new| new.expires_at), still_used, first_use) {
            (Some(end), _, _) => OldPassword::OutlivesTheNew(ago(end, now)),
            (None, Some(used), _) => OldPassword::StillUsed(used),
            (None, None, Some(_)) => OldPassword::NotSinceTheNew,
            (None, None, None) => OldPassword::Unknown,
        };
        let ends = When::minute(old.expires_at.unwrap_or(now), now);
        Some(Self { old: old_password, ends, extension: old.extension(now).map(Overlap::words) })
    }
}
