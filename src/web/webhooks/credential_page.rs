//! The page of one credential: how it stands, who uses it, what was refused and is held, its passwords, and what was done with it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::domain::credential::Credential;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::grouped::grouped;
use crate::domain::holding::HeldEvents;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::payload::value_text;
use crate::domain::size::size;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::credential_activity::{self as activity, Activity, MAX_ADDRESSES, UsedAddress};
use crate::store::tables::{audit, credentials, held_views};
use crate::web::chart::Span as ChartSpan;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::When;
use crate::web::held::Held;
use crate::web::json_view::preview::preview;
use crate::web::json_view::tokens::Span;
use crate::web::notice::{CredentialNotice, Notice, NoticeWords};
use crate::web::overview::Overview;
use crate::web::page::Page;
use crate::web::responses::see_other;
use crate::web::rows::audit_row::AuditRow;
use crate::web::rows::rejection_row::credential_page;
use crate::web::webhooks::credential_row::CredentialRow;
use crate::web::webhooks::dialogs::dialog::{Dialog, OpenDialog};
use crate::web::webhooks::dialogs::refused::Refused;
use crate::web::webhooks::list_query::PATH;
use crate::web::webhooks::notice_words;
use crate::web::webhooks::origin::id_of;
use crate::web::webhooks::password_history::PasswordLife;
use crate::web::webhooks::password_notices::{LifeNotice, OldPassword, OverlapNotice};
use crate::web::webhooks::spark::HalfHours;

/// How many lines of the audit trail the page has.
const AUDIT_LINES: usize = 20;
/// How many late events it lists, and how much of each body, in bytes.
const HELD_ROWS: usize = 20;
const HELD_PREVIEW_BYTES: usize = 160;

/// An address that events were accepted from.
struct Address {
    ip: String,
    first: Option<When>,
    last: When,
    /// Its events.
    link: String,
}

/// A late event that waits for an answer.
struct HeldRow {
    id: String,
    at: When,
    ip: String,
    size: String,
    spans: Vec<Span>,
}

/// How often requests were refused for a reason.
struct RefusedFor {
    title: &'static str,
    advice: &'static str,
    in_day: String,
    in_week: String,
    last: When,
    /// The same as a list.
    link: String,
}

impl Address {
    fn new(used: &UsedAddress, credential: &Credential, now: Timestamp) -> Self {
        Self {
            ip: used.ip.to_string(),
            first: used.first_at.map(|at| When::ago(at, now)),
            last: When::ago(used.last_at, now),
            link: address("/events", &[("q", &format!("ip:{}", used.ip)), ("credential", &credential.username)]),
        }
    }
}

impl HeldRow {
    fn new(event: &EventSummary, now: Timestamp) -> Self {
        Self {
            id: event.id.to_string(),
            at: When::ago(event.id.received_at(), now),
            ip: event.remote_ip.to_string(),
            size: size(event.size_bytes),
            spans: preview(value_text(&event.beginning), HELD_PREVIEW_BYTES),
        }
    }
}

impl RefusedFor {
    fn new(refused: &activity::Refused, credential: &Credential, now: Timestamp) -> Self {
        let (reason, username) = (refused.reason.as_str(), credential.username.as_str());
        Self {
            title: refused.reason.title(),
            advice: refused.reason.advice(),
            in_day: grouped(refused.in_day),
            in_week: grouped(refused.in_week),
            last: When::ago(refused.last_at, now),
            link: address("/events/rejections", &[("credential", username), ("since", "7d"), ("reason", reason)]),
        }
    }
}

#[derive(Template)]
#[template(path = "credential.html")]
struct Show {
    page: Page,
    row: CredentialRow,
    /// Its own address, and what the addresses of its dialogs begin with.
    back: String,
    asking: &'static str,
    last_ip: Option<String>,
    overlap: Option<OverlapNotice>,
    life: Option<LifeNotice>,
    held: Option<Held>,
    held_rows: Vec<HeldRow>,
    /// The page of those before.
    held_older: Option<String>,
    path: String,
    overview: Overview,
    filters: Filters,
    addresses: Vec<Address>,
    has_more_addresses: bool,
    refused: Vec<RefusedFor>,
    passwords: Vec<PasswordLife>,
    /// What it accepts beyond the default, in words.
    settings: String,
    audit: Vec<AuditRow>,
    /// What fires about it.
    alerts: Vec<(&'static str, When)>,
    notice: Option<NoticeWords>,
    /// The notice is about a setting, and stands there.
    is_told_below: bool,
    dialog: Option<OpenDialog>,
}

/// What an address asks for beside a dialog.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    span: ChartSpan,
    /// The last late event of the page before.
    held_before: Option<EventId>,
}

/// `GET /settings/integrations/webhooks/{id}?overview=&held_before=`, with the dialog that its query names.
pub(crate) async fn show(
    current_user: SignedIn,
    id: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    let id = id_of(&id)?;
    let said = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let asked = Asked { span: ChartSpan::parse(said("overview")), held_before: said("held_before").parse().ok() };
    render(&current_user, (id, asked), (Dialog::of(&query), None), StatusCode::OK).await
}

/// The page, as it is asked for or after a form that came to nothing.
pub(crate) async fn render(
    current_user: &SignedIn,
    (id, asked): (CredentialId, Asked),
    (dialog, refused): (Option<Dialog>, Option<Refused>),
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let found = credentials::find_shown(&mut conn, current_user.member.account_id, id).await?;
    let credential = found.ok_or(PageError::NotFound)?;
    if !current_user.member.plan.includes_webhooks() {
        return Ok(see_other(PATH));
    }
    let template = page(&mut conn, current_user, (&credential, asked), (dialog, refused)).await?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(template.render()?))
}

/// The late events of a page, and where the next page is.
async fn held_rows(
    conn: &mut Connection,
    owner: (AccountId, CredentialId),
    before: Option<EventId>,
    now: Timestamp,
) -> Result<(Vec<HeldRow>, Option<String>), StoreError> {
    let mut events = held_views::list(conn, owner, before, HELD_ROWS + 1, now).await?;
    let has_more = events.len() > HELD_ROWS;
    events.truncate(HELD_ROWS);
    let last = events.last().filter(|_| has_more).map(|event| event.id.to_string());
    let older = last.map(|id| format!("{}#held", address(&credential_page(owner.1), &[("held_before", &id)])));
    Ok((events.iter().map(|event| HeldRow::new(event, now)).collect(), older))
}

async fn page(
    conn: &mut Connection,
    current_user: &SignedIn,
    (credential, Asked { span, held_before }): (&Credential, Asked),
    (dialog, refused): (Option<Dialog>, Option<Refused>),
) -> Result<Show, PageError> {
    let (account, now, zone) = (current_user.member.account_id, current_user.now(), current_user.zone());
    let own = std::slice::from_ref(credential);
    let query =
        Query { credential: credential.username.clone(), overview: span.as_str().to_owned(), ..Query::default() };
    let filters = Filters::new(&query, own, now);
    let overview = Overview::read(conn, account, &filters, (now, zone)).await?;
    let Activity { addresses, refused: refusals, held, alerts } =
        activity::list(conn, account, credential.id, now).await?;
    let lines = audit::list_about(conn, account, &credential.username, AUDIT_LINES).await?;
    let held: &[HeldEvents] = held.as_slice();
    let dialog = match dialog {
        Some(dialog) => dialog.open(conn, current_user, (own, held), refused).await?,
        None => None,
    };
    let (held_rows, held_older) = match held {
        [] => Default::default(),
        _ => held_rows(conn, (account, credential.id), held_before, now).await?,
    };
    let row = CredentialRow::new(credential, &HalfHours::default(), held, now);
    let back = credential_page(credential.id);
    let notice = current_user.take_notice(|notice| Notice::webhooks(notice).filter(|(id, _)| *id == credential.id));
    Ok(Show {
        page: current_user.page(&row.name).at("settings", "webhooks").behind_dialog(dialog.is_some()),
        last_ip: credential.last_used().and_then(|password| password.last_used_ip).map(|ip| ip.to_string()),
        overlap: OverlapNotice::new(credential, now).filter(|_| credential.revoked_at.is_none()),
        life: LifeNotice::new(credential, now).filter(|_| credential.revoked_at.is_none()),
        held: Held::of(held, credential, now).filter(|_| credential.revoked_at.is_none()),
        held_rows,
        held_older,
        path: back.clone(),
        overview,
        filters,
        has_more_addresses: addresses.len() > MAX_ADDRESSES,
        addresses: addresses.iter().take(MAX_ADDRESSES).map(|one| Address::new(one, credential, now)).collect(),
        refused: refusals.iter().map(|one| RefusedFor::new(one, credential, now)).collect(),
        passwords: PasswordLife::list(credential, now),
        settings: credential.settings.words().join(", "),
        alerts: alerts.into_iter().map(|(kind, since)| (kind.title(), When::ago(since, now))).collect(),
        audit: lines.into_iter().map(|line| AuditRow::new(line, now, zone)).collect(),
        is_told_below: matches!(notice, Some((_, CredentialNotice::Holding | CredentialNotice::NotHolding))),
        notice: notice.and_then(|told| notice_words::words(told, own, &back, now)).map(|(_, words)| words),
        row,
        back,
        asking: "",
        dialog,
    })
}
