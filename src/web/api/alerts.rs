//! `/api/v1/alerts`: what fires, what is pending, and what was resolved within the last day.

use actix_web::HttpResponse;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::alert::Alert;
use crate::domain::alert_kind::{AlertKind, AlertState, Told};
use crate::domain::alert_message::subject_name;
use crate::domain::ids::CredentialId;
use crate::domain::time::rfc3339;
use crate::store::tables::alerts;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::problem_schema::Problem;

/// An alert.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertEntry {
    id: String,
    /// A word such as `password_expiring`, `token_expiring`, `old_password_used`, `late_events`, `refusals`, `unused`, `silence`,
    /// `rejections` or `consumer_behind`. There may be others.
    kind: &'static str,
    /// `pending`, `firing` or `resolved`.
    state: &'static str,
    /// Since when it is in this state.
    #[schema(format = DateTime)]
    since: String,
    /// How urgent it is, from 1.
    level: i16,
    subject: AlertSubject,
    /// What is known of it, in a sentence with times in UTC.
    text: String,
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
    #[schema(format = DateTime)]
    muted_until: Option<String>,
}

/// What an alert is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertSubject {
    /// `credential`, `api_token`, `consumer` or `account`.
    kind: &'static str,
    id: String,
    name: String,
}

/// Alerts, those that fire first, at most 500.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertsList {
    alerts: Vec<AlertEntry>,
}

impl AlertEntry {
    fn new(alert: &Alert, caller: &Caller) -> Self {
        let told = if alert.state == AlertState::Resolved { Told::Resolved } else { Told::Firing };
        Self {
            id: alert.id.to_string(),
            kind: alert.kind().as_str(),
            state: alert.state.as_str(),
            since: rfc3339(alert.since),
            level: alert.level,
            subject: AlertSubject {
                kind: subject_kind(alert),
                id: alert.subject.to_string(),
                name: subject_name(&alert.name),
            },
            text: alert.facts.sentence(told, &TimeZone::UTC),
            acknowledged_at: alert.acknowledged_at.map(rfc3339),
            muted_until: alert.muted_until.filter(|_| alert.is_muted(caller.now())).map(rfc3339),
        }
    }
}

fn subject_kind(alert: &Alert) -> &'static str {
    match alert.kind() {
        AlertKind::TokenExpiring => "api_token",
        AlertKind::ConsumerBehind => "consumer",
        _ if alert.subject == alert.account.0 => "account",
        _ => "credential",
    }
}

/// Lists the alerts of the account. A token that sees some credentials alone sees what is about these.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "list_alerts", tag = "alerts",
    responses((status = 200, body = AlertsList), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:read"])))]
pub(crate) async fn index(caller: Caller) -> Result<HttpResponse, ApiError> {
    let now = caller.now();
    let mut all = alerts::list(&mut *caller.state().store.connection().await?, caller.account(), now).await?;
    if !caller.token().credentials.is_empty() {
        all.retain(|alert| subject_kind(alert) == "credential" && caller.token().sees(CredentialId(alert.subject)));
    }
    Ok(HttpResponse::Ok()
        .json(AlertsList { alerts: all.iter().map(|alert| AlertEntry::new(alert, &caller)).collect() }))
}
