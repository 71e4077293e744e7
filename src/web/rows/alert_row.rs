//! An alert, or a change of one, as a row of a list.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::domain::alert::Alert;
use crate::domain::alert_facts::Facts;
use crate::domain::alert_kind::{AlertKind, AlertState, Told};
use crate::domain::alert_message::subject_name;
use crate::domain::ids::CredentialId;
use crate::store::tables::alerts::Change;
use crate::web::format::When;
use crate::web::rows::rejection_row::credential_page;

/// What happened, to what, and since when.
pub(crate) struct AlertRow {
    pub(crate) title: &'static str,
    pub(crate) name: String,
    /// The page of what it is about; none where that is the account.
    pub(crate) link: Option<String>,
    pub(crate) sentence: String,
    /// The class of its state, and the word.
    pub(crate) status: (&'static str, &'static str),
    pub(crate) at: When,
}

/// One that is open or was lately, and what can be done about it.
pub(crate) struct OpenAlert {
    pub(crate) id: String,
    pub(crate) row: AlertRow,
    pub(crate) acknowledged: Option<When>,
    pub(crate) muted: Option<When>,
    /// It fires and nobody has acknowledged it.
    pub(crate) can_acknowledge: bool,
}

impl AlertRow {
    fn new(
        (name, subject, facts): (&str, Uuid, &Facts),
        (state, at): (AlertState, Timestamp),
        now: Timestamp,
        zone: &TimeZone,
    ) -> Self {
        let told = if state == AlertState::Resolved { Told::Resolved } else { Told::Firing };
        Self {
            title: facts.kind().title(),
            name: subject_name(name),
            link: (!name.is_empty()).then(|| link(facts.kind(), subject)),
            sentence: facts.sentence(told, zone),
            status: match state {
                AlertState::Firing => ("bad", "Firing"),
                AlertState::Pending => ("busy", "Pending"),
                AlertState::Resolved | AlertState::Ok => ("ok", "Resolved"),
            },
            at: When::ago(at, now),
        }
    }

    /// A line of the history.
    pub(crate) fn of_change(change: &Change, now: Timestamp, zone: &TimeZone) -> Self {
        Self::new((&change.name, change.subject, &change.facts), (change.state, change.at), now, zone)
    }
}

impl OpenAlert {
    pub(crate) fn new(alert: &Alert, now: Timestamp, zone: &TimeZone) -> Self {
        Self {
            id: alert.id.to_string(),
            row: AlertRow::new((&alert.name, alert.subject, &alert.facts), (alert.state, alert.since), now, zone),
            acknowledged: alert.acknowledged_at.map(|at| When::ago(at, now)),
            muted: alert.muted_until.filter(|_| alert.is_muted(now)).map(|until| When::minute(until, now)),
            can_acknowledge: alert.state == AlertState::Firing && alert.acknowledged_at.is_none(),
        }
    }
}

fn link(kind: AlertKind, subject: Uuid) -> String {
    match kind {
        AlertKind::TokenExpiring => format!("/settings/api-tokens/{subject}"),
        AlertKind::ConsumerBehind => format!("/settings/consumers/{subject}"),
        _ => credential_page(CredentialId(subject)),
    }
}
