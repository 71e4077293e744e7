//! Settings → Audit trail: who did what, when, from where.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::audit::AuditEntry;
use crate::domain::visible::visible;
use crate::store::audit;
use crate::web::answers::html;
use crate::web::errors::PageError;
use crate::web::page::Page;
use crate::web::reader::SignedIn;
use crate::web::shown::When;

/// How many lines a page has.
const LINES_PER_PAGE: usize = 50;

#[derive(Deserialize)]
pub struct Query {
    before: Option<Uuid>,
}

struct Row {
    at: When,
    actor: String,
    action: &'static str,
    subject: String,
    detail: String,
    ip: String,
    request_id: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Index {
    page: Page,
    rows: Vec<Row>,
    newer: Option<&'static str>,
    older: Option<String>,
}

/// `GET /settings/audit`
pub async fn index(reader: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let mut conn = reader.site().store.connection().await?;
    let mut list = audit::list(&mut conn, reader.member.account_id, query.before, LINES_PER_PAGE + 1).await?;
    let more = list.len() > LINES_PER_PAGE;
    list.truncate(LINES_PER_PAGE);
    let older = list.last().filter(|_| more).map(|(id, _)| format!("/settings/audit?before={id}"));
    let row = |entry: AuditEntry| Row {
        at: When::ago(entry.at, reader.now()),
        subject: if entry.subject == entry.actor { String::new() } else { visible(&entry.subject).into_owned() },
        actor: entry.actor,
        action: entry.action.sentence(),
        detail: visible(&entry.detail).into_owned(),
        ip: entry.remote_ip.map(|ip| ip.to_string()).unwrap_or_default(),
        request_id: entry.request_id.unwrap_or_default(),
    };
    html(&Index {
        page: reader.page("Audit trail").at("settings", "audit"),
        rows: list.into_iter().map(|(_, entry)| row(entry)).collect(),
        newer: query.before.map(|_| "/settings/audit"),
        older,
    })
}
