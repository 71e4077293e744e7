//! A line of the audit trail as a row of a list.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::audit::AuditEntry;
use crate::domain::escape_invisible::escape_invisible;
use crate::web::format::When;

/// A row of the table.
pub(crate) struct AuditRow {
    pub(crate) at: When,
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) ip: String,
    pub(crate) request_id: String,
}

impl AuditRow {
    pub(crate) fn new(entry: AuditEntry, now: Timestamp, zone: &TimeZone) -> Self {
        Self {
            at: When::ago(entry.at, now),
            subject: if entry.subject == entry.actor {
                String::new()
            } else {
                escape_invisible(&entry.subject).into_owned()
            },
            actor: entry.actor,
            action: entry.action.sentence(),
            detail: escape_invisible(&entry.detail.words_in(zone)).into_owned(),
            ip: entry.remote_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            request_id: entry.request_id.unwrap_or_default(),
        }
    }
}
