//! Settings → Integrations → Webhooks: the endpoint, the credentials and what was refused lately.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::SignedDuration;

use crate::domain::credential::Credential;
use crate::domain::listing::EventFilter;
use crate::store::{credentials, event_counts, held_events, rejections};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::chart::Span;
use crate::web::events::rejections::Row as RejectionRow;
use crate::web::format::grouped;
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::webhooks::card::{Badge, Card, OldPassword};
use crate::web::webhooks::dialogs::{Dialog, FormError, NewForm, Query, dialog};
use crate::web::webhooks::first_run::FirstRun;
use crate::web::webhooks::held::Held;
use crate::web::webhooks::notice::{Notice, notice};
use crate::web::webhooks::spark::HalfHours;

/// How many refused requests the page lists.
const RECENT_REJECTIONS: usize = 5;
/// The address of this page.
pub const PATH: &str = "/settings/integrations/webhooks";

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    page: Page,
    endpoint: String,
    cards: Vec<Card>,
    revoked: Vec<Card>,
    rejections: Vec<RejectionRow>,
    rejected_today: u64,
    notice: Option<Notice>,
    first: Option<FirstRun>,
    dialog: Dialog,
}

impl Webhooks {
    fn rejected_link(&self) -> String {
        format!("All {} in the last 24 hours", grouped(self.rejected_today))
    }
}

#[derive(Template)]
#[template(path = "webhooks_empty.html")]
struct Empty {
    page: Page,
    endpoint: String,
    form: NewForm,
    notice: Option<Notice>,
    revoked: Vec<Card>,
}

#[derive(Template)]
#[template(path = "webhooks_locked.html")]
struct Locked {
    page: Page,
    upgrade_url: Option<String>,
    /// From the time on Pro. They can be ended, and disabled for when the account is back.
    cards: Vec<Card>,
    notice: Option<Notice>,
    last_event: bool,
}

/// `GET /settings/integrations`
#[derive(Template)]
#[template(path = "integrations.html")]
struct Integrations {
    page: Page,
    is_pro: bool,
    active: usize,
    path: &'static str,
}

pub async fn integrations(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let credentials = credentials::list(&mut conn, current_user.member.account_id).await?;
    let template = Integrations {
        page: current_user.page("Integrations").at("settings", "integrations"),
        is_pro: current_user.member.plan.includes_webhooks(),
        active: credentials.iter().filter(|c| c.revoked_at.is_none()).count(),
        path: PATH,
    };
    html(&template)
}

/// `GET /settings/integrations/webhooks`
pub async fn show(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let rendered = render(&current_user, &query, None).await?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(rendered))
}

/// The page after a form that did not validate.
pub async fn show_invalid(current_user: &SignedIn, query: &Query, error: FormError) -> Result<HttpResponse, PageError> {
    let rendered = render(current_user, query, Some(error)).await?;
    Ok(HttpResponse::UnprocessableEntity().content_type("text/html; charset=utf-8").body(rendered))
}

/// The page with a dialog that says why a change was not possible.
pub async fn show_conflict(current_user: &SignedIn, query: &Query) -> Result<HttpResponse, PageError> {
    let rendered = render(current_user, query, None).await?;
    Ok(HttpResponse::Conflict().content_type("text/html; charset=utf-8").body(rendered))
}

async fn render(current_user: &SignedIn, query: &Query, error: Option<FormError>) -> Result<String, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let all = credentials::list(&mut conn, account).await?;
    let page = current_user.page("Webhooks settings").at("settings", "webhooks");
    if !current_user.member.plan.includes_webhooks() {
        let soon = now.saturating_add(SignedDuration::from_mins(30)).unwrap_or(now);
        let template = Locked {
            page,
            upgrade_url: current_user.state().upgrade_url.clone(),
            cards: all
                .iter()
                .filter(|credential| credential.revoked_at.is_none())
                .map(|credential| Card::new(credential, &HalfHours::default(), now))
                .collect(),
            notice: notice(query, &all, now),
            last_event: event_counts::has_accepted_before(&mut conn, account, soon).await?,
        };
        return Ok(template.render()?);
    }
    let counts = event_counts::list_since(&mut conn, account, Span::Day.start(now)).await?;
    // Only a password that has ended by itself brings events that are held.
    let has_ended = |credential: &Credential| credential.passwords.iter().any(|p| p.has_ended_by_itself(now));
    let held = if all.iter().any(has_ended) { held_events::list(&mut conn, account, now).await? } else { Vec::new() };
    let card = |credential: &Credential| Card {
        held: Held::of(&held, credential, now),
        ..Card::new(credential, &counts, now)
    };
    let (revoked, live): (Vec<_>, Vec<_>) = all.iter().partition(|c| c.revoked_at.is_some());
    let notice = notice(query, &all, now);
    let endpoint = current_user.state().ingest_url.clone();
    if live.is_empty() {
        let form = match error {
            Some(FormError::New(form)) => form,
            _ => NewForm::blank(),
        };
        let template = Empty { page, endpoint, form, notice, revoked: revoked.into_iter().map(card).collect() };
        return Ok(template.render()?);
    }
    let dialog = dialog(&mut conn, current_user, query, (&all, &held), error).await?;
    let first = FirstRun::of(&mut conn, account, &all, now).await?;
    let refused =
        rejections::list(&mut conn, account, (&EventFilter::default(), None), None, RECENT_REJECTIONS).await?;
    let template = Webhooks {
        page: page.behind_dialog(!matches!(dialog, Dialog::None)),
        endpoint,
        cards: live.into_iter().map(card).collect(),
        revoked: revoked.into_iter().map(card).collect(),
        rejections: refused.rows.iter().map(|rejection| RejectionRow::new(rejection, now)).collect(),
        rejected_today: counts.values().map(|counts| counts.rejected).sum(),
        notice,
        first,
        dialog,
    };
    Ok(template.render()?)
}
