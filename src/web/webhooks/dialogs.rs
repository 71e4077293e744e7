//! The questions of the Webhooks page that need an answer first: each is a dialog at an address of its own, so that it works without
//! script. What is on the page behind it is not known here.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::credential::{Credential, PasswordRecord};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::holding::HeldEvents;
use crate::domain::ids::CredentialId;
use crate::domain::overlap::Overlap;
use crate::domain::time::{ago, day_and_minute, utc};
use crate::store::events;
use crate::store::pool::Connection;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::webhooks::held::Held;

/// What the address asks for: a dialog, or a word on what was just done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    pub new: Option<String>,
    pub rotate: Option<Uuid>,
    pub rename: Option<Uuid>,
    pub revoke: Option<Uuid>,
    pub stop: Option<Uuid>,
    pub discard: Option<Uuid>,
    pub expiry: Option<Uuid>,
    pub done: Option<String>,
    pub credential: Option<Uuid>,
    pub event: Option<Uuid>,
    pub ms: Option<u64>,
    pub stored: Option<u64>,
    pub repeated: Option<u64>,
    pub too_old: Option<u64>,
    pub more: Option<u8>,
}

/// The question that is open, with what its answer needs.
pub enum Dialog {
    None,
    New(NewForm),
    Rotate(RotateForm),
    Rename(NameForm),
    Revoke(RevokeForm),
    Stop(StopForm),
    Discard(Held),
    Expiry(ExpiryForm),
}

/// The form of a new credential. Its id makes sending it twice harmless.
pub struct NewForm {
    pub id: Uuid,
    pub name: String,
    pub error: Option<String>,
}

impl NewForm {
    pub fn blank() -> Self {
        Self { id: Uuid::new_v4(), name: String::new(), error: None }
    }
}

/// A choice of overlap and what will come of it.
pub struct OverlapChoice {
    pub value: &'static str,
    pub id: String,
    pub label: &'static str,
    pub advice: &'static str,
    pub checked: bool,
    pub until: String,
}

pub struct RotateForm {
    pub id: String,
    pub name: String,
    /// Makes sending the form twice harmless.
    pub secret: Uuid,
    pub choices: Vec<OverlapChoice>,
    pub addresses: Vec<String>,
    /// Two passwords work already: when the older one stops.
    pub frees_at: Option<When>,
    pub holds_late_events: bool,
}

pub struct NameForm {
    pub id: String,
    pub name: String,
    pub value: String,
    pub error: Option<String>,
}

pub struct RevokeForm {
    pub id: String,
    pub name: String,
    pub last_used: Option<String>,
    /// Used within a day, so that the name has to be typed.
    pub must_confirm: bool,
    /// Late events that go with it.
    pub held: Option<String>,
    pub error: Option<String>,
}

pub struct StopForm {
    pub id: String,
    pub name: String,
    pub last_used: Option<String>,
    pub ends: When,
    pub holds_late_events: bool,
}

pub struct ExpiryForm {
    pub id: String,
    pub name: String,
    /// As the field spells it.
    pub value: String,
    /// The first day that can be chosen.
    pub min: String,
    pub is_set: bool,
    pub error: Option<String>,
}

/// What was wrong with a form of this page, to be said where it was filled in.
pub enum FormError {
    New(NewForm),
    Name { value: String, error: String },
    Confirmation(String),
    Expiry { value: String, error: String },
}

/// `3 min ago from 203.0.113.7`.
pub fn use_of(password: &PasswordRecord, now: Timestamp) -> Option<String> {
    let at = password.last_used_at?;
    let from = password.last_used_ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
    Some(format!("{}{from}", ago(at, now)))
}

fn find(all: &[Credential], id: Option<Uuid>) -> Option<&Credential> {
    let id = id?;
    all.iter().find(|credential| credential.id == CredentialId(id) && credential.revoked_at.is_none())
}

/// The dialog that an address asks for, or that a form with an error belongs to.
pub async fn dialog(
    conn: &mut Connection,
    current_user: &SignedIn,
    query: &Query,
    (all, held): (&[Credential], &[HeldEvents]),
    error: Option<FormError>,
) -> Result<Dialog, PageError> {
    let now = current_user.now();
    if let Some(FormError::New(form)) = error {
        return Ok(Dialog::New(form));
    }
    if query.new.is_some() {
        return Ok(Dialog::New(NewForm::blank()));
    }
    if let Some(credential) = find(all, query.rotate) {
        let since = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let account = current_user.member.account_id;
        let addresses = events::recent_addresses(conn, account, credential.id, since).await?;
        return Ok(Dialog::Rotate(RotateForm {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            secret: Uuid::new_v4(),
            choices: overlap_choices(now),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            frees_at: credential
                .current(now)
                .and(credential.expiring(now))
                .and_then(|old| old.expires_at)
                .map(|at| When::minute(at, now)),
            holds_late_events: credential.holds_late_events,
        }));
    }
    if let Some(credential) = find(all, query.rename) {
        let (value, error) = match error {
            Some(FormError::Name { value, error }) => (value, Some(error)),
            _ => (credential.name.clone(), None),
        };
        let name = escape_invisible(&credential.name).into_owned();
        return Ok(Dialog::Rename(NameForm { id: credential.id.to_string(), name, value, error }));
    }
    if let Some(credential) = find(all, query.revoke) {
        let error = match error {
            Some(FormError::Confirmation(error)) => Some(error),
            _ => None,
        };
        return Ok(Dialog::Revoke(RevokeForm {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            last_used: credential.last_used().and_then(|password| use_of(password, now)),
            must_confirm: is_in_use(credential, now),
            held: Held::of(held, credential, now).map(|held| held.words),
            error,
        }));
    }
    if let Some(credential) = find(all, query.stop)
        && let Some(old) = credential.expiring(now)
    {
        return Ok(Dialog::Stop(StopForm {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            last_used: use_of(old, now),
            ends: When::minute(old.expires_at.unwrap_or(now), now),
            holds_late_events: credential.holds_late_events,
        }));
    }
    if let Some(credential) = find(all, query.discard)
        && let Some(held) = Held::of(held, credential, now)
    {
        return Ok(Dialog::Discard(held));
    }
    if let Some(credential) = find(all, query.expiry)
        && let Some(current) = credential.current(now)
    {
        let date = |time| utc("%F", time);
        let (value, error) = match error {
            Some(FormError::Expiry { value, error }) => (value, Some(error)),
            _ => (current.expires_at.map(date).unwrap_or_default(), None),
        };
        return Ok(Dialog::Expiry(ExpiryForm {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            value,
            min: date(now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)),
            is_set: current.expires_at.is_some(),
            error,
        }));
    }
    Ok(Dialog::None)
}

/// Whether a credential was used within a day.
fn is_in_use(credential: &Credential, now: Timestamp) -> bool {
    let last = credential.last_used().and_then(|password| password.last_used_at);
    last.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24))
}

fn overlap_choices(now: Timestamp) -> Vec<OverlapChoice> {
    let words = |overlap| match overlap {
        Overlap::Now => ("Stop it now", "If the password has leaked. Senders fail until you update them."),
        Overlap::OneHour => ("1 hour", "If you update every sender yourself, right after this."),
        Overlap::OneDay => ("24 hours", "A good default: time to deploy, and to notice a sender you forgot."),
        Overlap::SevenDays => ("7 days", "If other teams or partners have to make the change."),
    };
    let choice = |overlap: Overlap| {
        let (label, advice) = words(overlap);
        OverlapChoice {
            value: overlap.as_str(),
            id: format!("keep-{}", overlap.as_str()),
            label,
            advice,
            checked: overlap == Overlap::OneDay,
            until: day_and_minute(overlap.end(now), now),
        }
    };
    Overlap::ALL.into_iter().map(choice).collect()
}
