//! The live connection: server-sent events that carry rows as the server renders them. Woken by what any program over the same
//! database stored. Resumes after the last id that the browser saw.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary};
use crate::domain::ids::{AccountId, SessionId};
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::time::rfc3339;
use crate::domain::visible::visible;
use crate::ingest::wake::Listener;
use crate::measure::Present;
use crate::store::error::StoreError;
use crate::store::matching::Budget;
use crate::store::{credentials, events, rejections, sessions};
use crate::web::errors::PageError;
use crate::web::events::{Row, RowTemplate};
use crate::web::filters::{Filters, Query};
use crate::web::first_run::attempt_html;
use crate::web::reader::SignedIn;
use crate::web::rejections::explanation;
use crate::web::site::Site;

/// How often the database is asked without having been told: for words of other programs that were lost on their way.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How many rows one look sends; a page shows no more.
const MAX_ROWS: usize = 200;
/// Ids of two programs can commit out of order, so each look begins this far before the newest id seen.
const LOOK_BACK: SignedDuration = SignedDuration::from_secs(10);
/// How long the browser waits before it connects again.
const RETRY_MS: u32 = 2_000;

struct Stream {
    site: web::Data<Site>,
    account: AccountId,
    /// The connection ends with the session that opened it.
    session: Option<SessionId>,
    filters: Filters,
    listener: Listener,
    /// The browser has everything up to this id.
    after: EventId,
    /// The newest id that was sent.
    newest: EventId,
    /// What was sent within the look-back.
    sent: HashSet<EventId>,
    rejected_since: Timestamp,
    rejected: HashSet<Uuid>,
    first: bool,
    /// Counts this page among those that are live, as long as it is.
    _present: Present,
}

#[derive(Serialize)]
struct Stored<'a> {
    id: String,
    ip: &'a str,
    html: String,
}

#[derive(Serialize)]
struct Rejected<'a> {
    credential: String,
    username: &'a str,
    title: &'a str,
    advice: &'a str,
    explanation: String,
    /// As a page that waits for an event shows it.
    html: String,
    ip: String,
    at: String,
}

/// `GET /events/live`
pub async fn stream(
    reader: SignedIn,
    request: HttpRequest,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let account = reader.member.account_id;
    let mut conn = reader.site().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    drop(conn);
    let filters = Filters::new(&query, &credentials, reader.now());
    if let Some(problem) = filters.error {
        return Err(PageError::BadRequest(problem));
    }
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let resumed = header.or(Some(query.last_event_id.as_str())).and_then(|text| text.parse::<EventId>().ok());
    let newest = resumed.unwrap_or_else(|| EventId::first_of(reader.now()));
    let state = Stream {
        account,
        session: reader.reader.session,
        filters,
        // Listening begins before the first look, so nothing falls between the two.
        listener: reader.site().engine.wake.listen(account),
        after: newest,
        newest,
        sent: HashSet::new(),
        // Rejections are rolled up by the second.
        rejected_since: Timestamp::from_second(newest.received_at().as_second()).unwrap_or(Timestamp::UNIX_EPOCH),
        rejected: HashSet::new(),
        first: true,
        _present: reader.site().live_viewers.enter(),
        site: reader.reader.site.clone(),
    };
    let body = stream::unfold(state, |mut state| async move {
        let text = state.next().await?;
        Some((Ok::<_, std::convert::Infallible>(web::Bytes::from(text)), state))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy that gathers would hold the events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

impl Stream {
    /// The next piece; `None` when the program is about to end, so that the browser connects to another.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.first) {
            let opening = format!("retry: {RETRY_MS}\n\n");
            return Some(opening + &self.look().await.unwrap_or_default());
        }
        // A comment now and then lets both ends notice a dead connection.
        let _ = tokio::time::timeout(LOOK_EVERY, self.listener.heard()).await;
        if self.site.is_draining() {
            return None;
        }
        match self.look_if_signed_in().await? {
            Ok(text) if text.is_empty() => Some(":\n\n".to_owned()),
            Ok(text) => Some(text),
            Err(error) => {
                tracing::debug!(%error, "a live page could not look");
                Some(":\n\n".to_owned())
            }
        }
    }

    /// `None` when the session has ended: signed out, here or from another device, or over.
    async fn look_if_signed_in(&mut self) -> Option<Result<String, StoreError>> {
        let live = async {
            let mut conn = self.site.store.connection().await?;
            match self.session {
                Some(id) => sessions::is_live(&mut conn, id, self.site.clock.now()).await,
                None => Ok(false),
            }
        };
        match live.await {
            Ok(true) => Some(self.look().await),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    async fn look(&mut self) -> Result<String, StoreError> {
        let now = self.site.clock.now();
        let mut conn = self.site.store.connection().await?;
        let from = self.newest.received_at().saturating_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = self.filters.filter.since.map_or(from, |since| since.max(from));
        // The newest of them: in a flood the reader sees the latest rows, and not ever older ones.
        let filter = EventFilter { since: Some(since), ..self.filters.filter.clone() };
        let page = events::list(&mut conn, self.account, &filter, Cursor::Newest, MAX_ROWS, Budget::PAGE).await?;
        let is_new = |event: &&EventSummary| event.id > self.after && !self.sent.contains(&event.id);
        let mut out = String::new();
        for event in page.rows.iter().rev().filter(is_new) {
            let row = Row::new(event, &self.filters, now);
            let html = RowTemplate { row: &row }.render().unwrap_or_default();
            push(&mut out, "stored", Some(&row.id), &Stored { id: row.id.clone(), ip: &row.ip, html });
        }
        for event in &page.rows {
            self.sent.insert(event.id);
            self.newest = self.newest.max(event.id);
        }
        let oldest = self.newest.received_at().saturating_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
        self.sent.retain(|id| id.received_at() >= oldest);

        // The search is about bodies, which refused requests have none of.
        let filter = EventFilter { since: Some(self.rejected_since), ..self.filters.filter.clone() };
        let refused = rejections::list(&mut conn, self.account, &filter, None, None, MAX_ROWS).await?;
        for rejection in refused.rows.iter().rev() {
            if !self.rejected.contains(&rejection.id) {
                let data = Rejected {
                    credential: visible(&rejection.credential_name).into_owned(),
                    username: &rejection.username,
                    title: rejection.reason.title(),
                    advice: rejection.reason.advice(),
                    explanation: explanation(rejection),
                    html: attempt_html(rejection, now),
                    ip: rejection.remote_ip.to_string(),
                    at: rfc3339(rejection.at),
                };
                push(&mut out, "rejected", None, &data);
            }
        }
        if let Some(newest) = refused.rows.first() {
            self.rejected_since = newest.at;
            self.rejected = refused.rows.iter().map(|rejection| rejection.id).collect();
        }
        Ok(out)
    }
}

/// JSON has no raw line breaks in it, so one `data:` line holds it.
fn push(out: &mut String, kind: &str, id: Option<&str>, data: &impl Serialize) {
    if let Some(id) = id {
        out.push_str(&format!("id: {id}\n"));
    }
    let data = serde_json::to_string(data).unwrap_or_default();
    out.push_str(&format!("event: {kind}\ndata: {data}\n\n"));
}
