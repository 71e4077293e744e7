//! Settings → Integrations → Webhooks: the endpoint, the credentials and what was refused lately.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::{SignedDuration, Timestamp};

use crate::domain::credential::Credential;
use crate::domain::grouped::grouped;
use crate::domain::listing::EventFilter;
use crate::domain::rejection_group::RejectionFilter;
use crate::store::connection::pool::Connection;
use crate::store::tables::{credentials, event_counts, held_events, rejections};
use crate::web::chart::Span;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::held::Held;
use crate::web::notice::{Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::rejection_row::RejectionRow;
use crate::web::webhooks::card::{Badge, Card, OldPassword};
use crate::web::webhooks::card_page::{CardLinks, CardPage};
use crate::web::webhooks::dialogs::credential_forms::NewForm;
use crate::web::webhooks::dialogs::dialog::{Dialog, OpenDialog};
use crate::web::webhooks::dialogs::refused::Refused;
use crate::web::webhooks::first_run::FirstRun;
use crate::web::webhooks::notice_words;
use crate::web::webhooks::spark::HalfHours;

/// How many refused requests the page lists.
const RECENT_REJECTIONS: usize = 5;
/// The address of this page.
pub(crate) const PATH: &str = "/settings/integrations/webhooks";

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    page: Page,
    endpoint: String,
    cards: Vec<Card>,
    links: CardLinks,
    /// How many credentials the account may have.
    most: u32,
    revoked: Vec<Card>,
    rejections: Vec<RejectionRow>,
    rejected_today: u64,
    notice: Option<NoticeWords>,
    first: Option<FirstRun>,
    dialog: Option<OpenDialog>,
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
    notice: Option<NoticeWords>,
    revoked: Vec<Card>,
}

#[derive(Template)]
#[template(path = "webhooks_locked.html")]
struct Locked {
    page: Page,
    upgrade_url: Option<String>,
    /// From the time on Pro. They can be ended, and disabled for when the account is back.
    cards: Vec<Card>,
    links: CardLinks,
    notice: Option<NoticeWords>,
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

pub(crate) async fn integrations(current_user: SignedIn) -> Result<HttpResponse, PageError> {
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

/// `GET /settings/integrations/webhooks`, with the dialog that its query names.
pub(crate) async fn show(
    current_user: SignedIn,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    render(&current_user, &query, (Dialog::of(&query), None), StatusCode::OK).await
}

/// The page after a form that did not validate.
pub(crate) async fn show_invalid(
    current_user: &SignedIn,
    dialog: Dialog,
    refused: Refused,
) -> Result<HttpResponse, PageError> {
    render(current_user, &[], (Some(dialog), Some(refused)), StatusCode::UNPROCESSABLE_ENTITY).await
}

/// The page with a dialog that says why a change was not possible.
pub(crate) async fn show_conflict(current_user: &SignedIn, dialog: Dialog) -> Result<HttpResponse, PageError> {
    render(current_user, &[], (Some(dialog), None), StatusCode::CONFLICT).await
}

async fn render(
    current_user: &SignedIn,
    query: &[(String, String)],
    (dialog, refused): (Option<Dialog>, Option<Refused>),
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let all = credentials::list(&mut conn, current_user.member.account_id).await?;
    let is_own = |id| all.iter().any(|credential| credential.id == id);
    if status != StatusCode::OK && dialog.and_then(Dialog::credential).is_some_and(|id| !is_own(id)) {
        return Err(PageError::NotFound);
    }
    let cards = CardPage::of(&all, query, PATH);
    let body = if !current_user.member.plan.includes_webhooks() {
        locked(&mut conn, current_user, &all, cards).await?.render()?
    } else if cards.links.total == 0 {
        empty(current_user, &all, refused).render()?
    } else {
        webhooks(&mut conn, current_user, (&all, cards), (dialog, refused)).await?.render()?
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

fn page(current_user: &SignedIn) -> Page {
    current_user.page("Webhooks settings").at("settings", "webhooks")
}

/// What was just done here. Asked for last, so that no page that fails takes it.
fn notice(current_user: &SignedIn, all: &[Credential]) -> Option<NoticeWords> {
    let notice = current_user.take_notice(Notice::webhooks)?;
    notice_words::words(notice, all, current_user.now())
}

/// Without counts, as they are told of credentials that get no events.
fn cards_without_events<'a>(wanted: impl IntoIterator<Item = &'a Credential>, now: Timestamp) -> Vec<Card> {
    wanted.into_iter().map(|credential| Card::new(credential, &HalfHours::default(), now)).collect()
}

fn revoked(all: &[Credential]) -> impl Iterator<Item = &Credential> {
    all.iter().filter(|credential| credential.revoked_at.is_some())
}

async fn locked(
    conn: &mut Connection,
    current_user: &SignedIn,
    all: &[Credential],
    CardPage { shown, links }: CardPage<'_>,
) -> Result<Locked, PageError> {
    let now = current_user.now();
    let soon = now.saturating_add(SignedDuration::from_mins(30)).unwrap_or(now);
    Ok(Locked {
        page: page(current_user),
        upgrade_url: current_user.state().upgrade_url.clone(),
        cards: cards_without_events(shown, now),
        links,
        last_event: event_counts::has_accepted_before(conn, current_user.member.account_id, soon).await?,
        notice: notice(current_user, all),
    })
}

fn empty(current_user: &SignedIn, all: &[Credential], refused: Option<Refused>) -> Empty {
    Empty {
        page: page(current_user),
        endpoint: current_user.state().ingest_url.clone(),
        form: NewForm::new(refused),
        revoked: cards_without_events(revoked(all), current_user.now()),
        notice: notice(current_user, all),
    }
}

async fn webhooks(
    conn: &mut Connection,
    current_user: &SignedIn,
    (all, CardPage { shown, links }): (&[Credential], CardPage<'_>),
    (dialog, refused): (Option<Dialog>, Option<Refused>),
) -> Result<Webhooks, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let counts = event_counts::list_since(conn, account, Span::Day.start(now)).await?;
    let held = held_events::list(conn, account, now).await?;
    let dialog = match dialog {
        Some(dialog) => dialog.open(conn, current_user, (all, &held), refused).await?,
        None => None,
    };
    let first = FirstRun::of(conn, account, all, now).await?;
    let refused =
        rejections::list(conn, account, RejectionFilter::of(&EventFilter::default()), None, RECENT_REJECTIONS).await?;
    let card = |credential: &Credential| Card {
        held: Held::of(&held, credential, now),
        ..Card::new(credential, &counts, now)
    };
    Ok(Webhooks {
        page: page(current_user).behind_dialog(dialog.is_some()),
        endpoint: current_user.state().ingest_url.clone(),
        cards: shown.into_iter().map(card).collect(),
        links,
        most: current_user.member.limits().credentials,
        revoked: revoked(all).map(card).collect(),
        rejections: refused.rows.iter().map(|rejection| RejectionRow::new(rejection, now)).collect(),
        rejected_today: counts.values().map(|counts| counts.rejected).sum(),
        first,
        dialog,
        notice: notice(current_user, all),
    })
}
