//! The facts of an event, of which a search is asked.

use std::net::IpAddr;

use uuid::Uuid;

use crate::domain::event::EventId;

/// What a search is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) id: EventId,
    pub(crate) body: &'a str,
    /// As they are stored.
    pub(crate) headers: &'a str,
    /// Not known where the search does not ask for it.
    pub(crate) source: Option<&'a EventSource>,
}

impl<'a> Facts<'a> {
    /// A body, of which nothing else is known.
    pub(crate) fn of_body(body: &'a str) -> Self {
        Self { id: EventId(Uuid::nil()), body, headers: "[]", source: None }
    }
}

/// Where an event came from.
#[derive(Clone, Debug)]
pub(crate) struct EventSource {
    pub(crate) ip: IpAddr,
    pub(crate) agent: String,
    pub(crate) credential_name: String,
    pub(crate) username: String,
}
