//! The way to the first event: three steps on the Webhooks page that tick themselves off, when the page is loaded and, with
//! script, while it is open. A refused attempt appears in them with its reason and its remedy.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::credential::{Credential, PasswordRecord};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::rejection_group::RejectionFilter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::budget::Budget;
use crate::store::tables::{event_counts, events, rejections};
use crate::web::format::When;
use crate::web::rows::rejection_row::RejectionRow;

/// How long the steps stay after the first event, so that whoever loads the page again sees them done.
const STAYS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// How far somebody has come.
pub(crate) struct FirstRun {
    /// The credential that was made last and can send.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: String,
    /// Where the page hears of what happens next.
    pub(crate) live: String,
    /// What was refused last, as long as nothing was accepted.
    pub(crate) attempt: Option<RejectionRow>,
    pub(crate) arrived: Option<FirstEvent>,
}

/// The event that ended the waiting.
pub(crate) struct FirstEvent {
    pub(crate) link: String,
    pub(crate) ip: String,
    pub(crate) at: When,
}

impl FirstRun {
    /// `None` for an account that has received events for longer, or has no credential that can send.
    pub(crate) async fn of(
        conn: &mut Connection,
        account: AccountId,
        all: &[Credential],
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(newest) = all.iter().rfind(|credential| credential.state(now).is_open()) else { return Ok(None) };
        let long_ago = now.saturating_sub(STAYS_FOR).unwrap_or(Timestamp::UNIX_EPOCH);
        let was_used = |password: &PasswordRecord| password.first_used_at.is_some_and(|at| at < long_ago);
        let has_sent = all.iter().flat_map(|credential| &credential.passwords).any(was_used);
        if has_sent || event_counts::has_accepted_before(conn, account, long_ago).await? {
            return Ok(None);
        }
        let everything = EventFilter::default();
        let first =
            events::list(conn, account, (&everything, Cursor::After(EventId(Uuid::nil()))), 1, Budget::PAGE).await?;
        let arrived = first.rows.first().map(|event| FirstEvent::new(event, now));
        let refused = rejections::list(conn, account, RejectionFilter::of(&everything), None, 1).await?;
        let attempt = refused.rows.first().filter(|_| arrived.is_none());
        Ok(Some(Self {
            id: newest.id.to_string(),
            name: escape_invisible(&newest.name).into_owned(),
            live: live_path(&newest.username, now),
            username: newest.username.clone(),
            attempt: attempt.map(|rejection| RejectionRow::new(rejection, now)),
            arrived,
        }))
    }
}

impl FirstEvent {
    fn new(event: &EventSummary, now: Timestamp) -> Self {
        Self {
            link: format!("/events/{}", event.id),
            ip: event.remote_ip.to_string(),
            at: When::ago(event.id.received_at(), now),
        }
    }
}

/// Where a page hears what arrives for a credential from now on.
pub(crate) fn live_path(username: &str, now: Timestamp) -> String {
    format!("/events/live?credential={username}&last_event_id={}", EventId::first_of(now))
}
