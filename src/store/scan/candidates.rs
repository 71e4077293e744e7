//! Candidates of a search: events that the database did not drop, with as much of each as the search asks for.

use diesel::{QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;

use crate::domain::event::WholeEvent;
use crate::domain::query::ast::{Query, Term};
use crate::domain::query::facts::EventSource;
use crate::domain::query::facts::Facts;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::events;
use crate::store::scan::judging::Candidate;
use crate::store::scan::keys::Key;
use crate::store::scan::span::Events;
use crate::store::scan::{sources, whole_rows};

/// An event, of which the key is wanted.
#[derive(Debug)]
pub(super) struct KeyCandidate {
    pub(super) key: Key,
    body: String,
    headers: String,
    source: Option<EventSource>,
}

impl Candidate for KeyCandidate {
    fn facts(&self) -> Facts<'_> {
        Facts { id: self.key.id, body: &self.body, headers: &self.headers, source: self.source.as_ref() }
    }
}

/// An event that is wanted whole.
#[derive(Debug)]
pub(super) struct WholeCandidate {
    pub(super) event: WholeEvent,
    source: Option<EventSource>,
}

impl Candidate for WholeCandidate {
    fn facts(&self) -> Facts<'_> {
        let WholeEvent { id, body, headers, .. } = &self.event;
        Facts { id: *id, body, headers, source: self.source.as_ref() }
    }
}

/// What a query finds, for its keys.
pub(super) async fn load(
    conn: &mut Connection,
    query: Events,
    search: &Query,
) -> Result<Vec<KeyCandidate>, StoreError> {
    let terms = search.root.terms();
    let candidate = |key, body, headers, source| KeyCandidate { key, body, headers, source };
    if terms.iter().any(|term| matches!(term, Term::Source(_))) {
        let columns = (Key::as_select(), events::body, events::headers, sources::columns());
        let rows: Vec<(Key, String, String, sources::Row)> = query.select(columns).load(conn).await?;
        let rows =
            rows.into_iter().map(|(key, body, headers, row)| candidate(key, body, headers, Some(sources::source(row))));
        return Ok(rows.collect());
    }
    if terms.iter().any(|term| matches!(term, Term::Header(_))) {
        let columns = (Key::as_select(), events::body, events::headers);
        let rows: Vec<(Key, String, String)> = query.select(columns).load(conn).await?;
        return Ok(rows.into_iter().map(|(key, body, headers)| candidate(key, body, headers, None)).collect());
    }
    let rows: Vec<(Key, String)> = query.select((Key::as_select(), events::body)).load(conn).await?;
    Ok(rows.into_iter().map(|(key, body)| candidate(key, body, "[]".to_owned(), None)).collect())
}

/// What a query finds, whole.
pub(super) async fn load_whole(
    conn: &mut Connection,
    query: Events,
    search: &Query,
) -> Result<Vec<WholeCandidate>, StoreError> {
    if !search.root.terms().iter().any(|term| matches!(term, Term::Source(_))) {
        let events = whole_rows::load(conn, query).await?;
        return Ok(events.map(|event| WholeCandidate { event, source: None }).collect());
    }
    let events = whole_rows::load_with_sources(conn, query).await?;
    Ok(events.map(|(event, source)| WholeCandidate { event, source: Some(source) }).collect())
}
