//! The wire format of server-sent events.
//!
//! What is said on a live connection: one block of text for each stored event and each refused request, in the format of
//! server-sent events. `id` is a cursor, from which a connection that broke off goes on.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventSummary;
use crate::domain::rejection::Rejection;
use crate::domain::time::rfc3339;
use crate::web::filters::list_filters::Filters;
use crate::web::page::Page;
use crate::web::rows::event_row::EventRow;
use crate::web::rows::rejection_row::{attempt_html, explanation};

/// How long the browser waits before it connects again.
const RETRY_MS: u32 = 2_000;

#[derive(Serialize)]
struct Stored<'a> {
    id: String,
    ip: &'a str,
    html: String,
}

#[derive(Serialize)]
struct Skipped {
    count: usize,
    /// There are more than that.
    more: bool,
}

#[derive(Serialize)]
struct Late {
    count: u64,
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

/// A piece of a connection, as it is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// What a connection begins with.
    pub(crate) fn opening() -> Self {
        Self(format!("retry: {RETRY_MS}\n\n"))
    }

    /// Everything until here was said. The browser notes it, and a page that opens its next connection by itself does; it also lets both
    /// ends notice a dead connection. It has no data, but a block without any field of that name would be told to nobody.
    pub(crate) fn reached(&mut self, cursor: &str) {
        self.0.push_str(&format!("id: {cursor}\nevent: reached\ndata\n\n"));
    }

    /// An event, as a row of the list.
    pub(crate) fn stored(
        &mut self,
        event: &EventSummary,
        cursor: &str,
        (filters, page): (&Filters, &Page),
        now: Timestamp,
    ) {
        let row = EventRow::new(event, filters, now);
        let html = row.html(page);
        self.0.push_str(&format!("id: {cursor}\n"));
        self.push("stored", &Stored { id: row.id.clone(), ip: &row.ip, html });
    }

    /// More than anybody reads one by one. The list itself has them. Like an event it has a cursor of its own, that of what comes after
    /// it: a page that goes on by itself would else be told of them again.
    pub(crate) fn skipped(&mut self, count: usize, more: bool, cursor: &str) {
        self.0.push_str(&format!("id: {cursor}\n"));
        self.push("skipped", &Skipped { count, more });
    }

    /// Events that were held and are accepted now. They stand where they first arrived, among what the readers have seen already.
    pub(crate) fn accepted_late(&mut self, count: u64) {
        self.push("late", &Late { count });
    }

    pub(crate) fn rejected(&mut self, rejection: &Rejection, page: &Page, now: Timestamp) {
        self.push(
            "rejected",
            &Rejected {
                credential: escape_invisible(&rejection.credential_name).into_owned(),
                username: &rejection.username,
                title: rejection.title(),
                advice: rejection.advice(),
                explanation: explanation(rejection),
                html: attempt_html(rejection, now, page),
                ip: rejection.remote_ip.to_string(),
                at: rfc3339(rejection.at),
            },
        );
    }

    /// JSON has no raw line breaks in it, so one `data:` line holds it.
    fn push(&mut self, kind: &str, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_default();
        self.0.push_str(&format!("event: {kind}\ndata: {data}\n\n"));
    }
}
