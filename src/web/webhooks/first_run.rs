//! The way to the first event: three steps on the Webhooks page, about the credential that was made last. They tick themselves off while
//! the page is open, and are gone once an event has come. A refused attempt appears in them with its reason and its remedy.

use jiff::{SignedDuration, Timestamp};

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::rejection_group::RejectionFilter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::{event_counts, rejections};
use crate::web::rows::rejection_row::RejectionRow;

/// How far somebody has come.
pub(crate) struct FirstRun {
    /// The credential that was made last and can send.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: String,
    /// Where the page hears of what happens next.
    pub(crate) live: String,
    /// What was refused of it last.
    pub(crate) attempt: Option<RejectionRow>,
}

impl FirstRun {
    /// `None` for an account that has received an event, or has no credential that can send.
    pub(crate) async fn of(
        conn: &mut Connection,
        account: AccountId,
        all: &[Credential],
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(newest) = all.iter().rfind(|credential| credential.accepts_events(now)) else { return Ok(None) };
        let was_used = all.iter().flat_map(|credential| &credential.passwords).any(|one| one.first_used_at.is_some());
        // Of the half hour that is not over, too.
        let soon = now.saturating_add(SignedDuration::from_mins(30)).unwrap_or(now);
        if was_used || event_counts::has_accepted_before(conn, account, soon).await? {
            return Ok(None);
        }
        let its_own = EventFilter { credential: Some(newest.id), ..EventFilter::default() };
        let refused = rejections::list(conn, account, RejectionFilter::of(&its_own), None, 1).await?;
        Ok(Some(Self {
            id: newest.id.to_string(),
            name: escape_invisible(&newest.name).into_owned(),
            live: live_path(&newest.username, now),
            username: newest.username.clone(),
            attempt: refused.rows.first().map(|rejection| RejectionRow::new(rejection, now)),
        }))
    }
}

/// Where a page hears what arrives for a credential from now on.
pub(crate) fn live_path(username: &str, now: Timestamp) -> String {
    format!("/events/live?credential={username}&last_event_id={}", EventId::first_of(now))
}
