//! What the owner of a credential should know of its passwords: whether the old one is still in use, and that one ends soon.

use jiff::Timestamp;

use crate::domain::credential::{Credential, PasswordRecord, PasswordState};
use crate::domain::expiry::{Nearness, age};
use crate::domain::overlap::Overlap;
use crate::web::format::When;

/// That a password ends soon, has ended at its date, or is old.
pub(crate) struct LifeNotice {
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    /// When, at the end of the title.
    pub(crate) end: Option<When>,
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
    StillUsed(Use),
    /// The new one is in use, and the old one no longer.
    NotSinceTheNew,
    /// Neither has been used since the change, so nobody knows yet.
    Unknown,
    /// The new one had a date, at which it ended, so that the old one is all that works.
    OutlivesTheNew(When),
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

/// When a password was used last, and from where: ` from 203.0.113.7`.
pub(crate) struct Use {
    pub(crate) at: When,
    pub(crate) from: String,
}

/// The last use of a password.
pub(crate) fn use_of(password: &PasswordRecord, now: Timestamp) -> Option<Use> {
    let at = When::ago(password.last_used_at?, now);
    let from = password.last_used_ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
    Some(Use { at, from })
}

impl LifeNotice {
    pub(crate) fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        if let Some(end) = credential.expired_at(now) {
            let (title, end) = ("The password expired on".to_owned(), Some(When::minute(end, now)));
            let text = "Its senders get 401. Rotate the credential and give them the new password.";
            return Some(Self { kind: "bad", title, end, text, has_date: false });
        }
        let current = credential.current(now)?;
        if let Some(end) = current.expires_at {
            let kind = match Nearness::of(end, now)? {
                Nearness::Ahead => "",
                Nearness::Soon => "warn",
                Nearness::Tomorrow | Nearness::Over => "bad",
            };
            let (title, end) = ("The password expires on".to_owned(), Some(When::minute(end, now)));
            let text = "Rotate it before that and update its senders, or change the date.";
            return Some(Self { kind, title, end, text, has_date: true });
        }
        let title = format!("This password is more than {} old", age(current.created_at, now)?);
        let text = "It still works. Rotate it when it suits you.";
        Some(Self { kind: "", title, end: None, text, has_date: false })
    }
}

impl OverlapNotice {
    pub(crate) fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        let old = credential.expiring(now)?;
        let current = credential.current(now);
        let rotated_at = current.map_or(now, |current| current.created_at);
        let first_use = current.and_then(|current| current.first_used_at);
        let since = first_use.unwrap_or(rotated_at);
        let still_used = use_of(old, now).filter(|_| old.last_used_at.is_some_and(|at| at >= since));
        let new_ended = credential.passwords.first().filter(|new| new.state(now) == PasswordState::Expired);
        let old_password = match (new_ended.and_then(|new| new.expires_at), still_used, first_use) {
            (Some(end), _, _) => OldPassword::OutlivesTheNew(When::ago(end, now)),
            (None, Some(used), _) => OldPassword::StillUsed(used),
            (None, None, Some(_)) => OldPassword::NotSinceTheNew,
            (None, None, None) => OldPassword::Unknown,
        };
        let ends = When::minute(old.expires_at.unwrap_or(now), now);
        Some(Self { old: old_password, ends, extension: old.extension(now).map(Overlap::words) })
    }
}
