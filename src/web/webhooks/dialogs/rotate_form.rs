//! The dialog about a new password, with what will come of each choice.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::AccountId;
use crate::domain::overlap::Overlap;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::events;
use crate::web::format::When;

/// A new password.
pub(crate) struct RotateForm {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Makes sending the form twice harmless.
    pub(crate) secret: Uuid,
    pub(crate) choices: Vec<OverlapChoice>,
    pub(crate) addresses: Vec<String>,
    /// Two passwords work already: when the older one stops.
    pub(crate) frees_at: Option<When>,
    pub(crate) holds_late_events: bool,
}

/// A choice of overlap and what will come of it.
pub(crate) struct OverlapChoice {
    pub(crate) value: &'static str,
    pub(crate) id: String,
    pub(crate) label: &'static str,
    pub(crate) advice: &'static str,
    pub(crate) checked: bool,
    pub(crate) until: When,
}

impl RotateForm {
    pub(crate) async fn new(
        conn: &mut Connection,
        account: AccountId,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let since = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let addresses = events::recent_addresses(conn, account, credential.id, since).await?;
        let old = credential.current(now).and(credential.expiring(now));
        Ok(Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            secret: Uuid::new_v4(),
            choices: Overlap::ALL.into_iter().map(|overlap| OverlapChoice::new(overlap, now)).collect(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            frees_at: old.and_then(|old| old.expires_at).map(|at| When::minute(at, now)),
            holds_late_events: credential.holds_late_events,
        })
    }
}

impl OverlapChoice {
    fn new(overlap: Overlap, now: Timestamp) -> Self {
        let (label, advice) = match overlap {
            Overlap::Now => ("Stop it now", "If the password has leaked. Senders fail until you update them."),
            Overlap::OneHour => ("1 hour", "If you update every sender yourself, right after this."),
            Overlap::OneDay => ("24 hours", "A good default: time to deploy, and to notice a sender you forgot."),
            Overlap::SevenDays => ("7 days", "If other teams or partners have to make the change."),
        };
        Self {
            value: overlap.as_str(),
            id: format!("keep-{}", overlap.as_str()),
            label,
            advice,
            checked: overlap == Overlap::OneDay,
            until: When::minute(overlap.end(now), now),
        }
    }
}
