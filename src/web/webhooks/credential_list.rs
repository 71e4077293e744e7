//! Settings → Integrations → Webhooks: the endpoint, the table of credentials and what was refused lately.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::domain::credential::Credential;
use crate::domain::grouped::grouped;
use crate::domain::ids::CredentialId;
use crate::domain::listing::EventFilter;
use crate::domain::rejection_group::RejectionFilter;
use crate::store::connection::pool::Connection;
use crate::store::tables::{credentials, event_counts, held_events, rejections};
use crate::web::chart::Span;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_choices::Choice;
use crate::web::notice::{Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::rejection_row::RejectionRow;
use crate::web::webhooks::credential_row::CredentialRow;
use crate::web::webhooks::dialogs::credential_forms::NewForm;
use crate::web::webhooks::dialogs::dialog::{Dialog, OpenDialog};
use crate::web::webhooks::dialogs::refused::Refused;
use crate::web::webhooks::first_run::FirstRun;
use crate::web::webhooks::list_query::{ListLinks, ListQuery, PATH, REVOKED};
use crate::web::webhooks::notice_words;
use crate::web::webhooks::spark::HalfHours;

/// How many refused requests the page lists.
const RECENT_REJECTIONS: usize = 5;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    page: Page,
    endpoint: String,
    rows: Vec<CredentialRow>,
    query: ListQuery,
    states: Vec<Choice>,
    sorts: Vec<Choice>,
    links: ListLinks,
    /// The address of the page without a dialog, and what the addresses of its dialogs begin with.
    back: String,
    asking: String,
    living: usize,
    /// How many credentials the account may have.
    most: u32,
    revoked: usize,
    rejections: Vec<RejectionRow>,
    rejected_today: u64,
    notice: Option<NoticeWords>,
    /// Which credential the notice is about.
    told: Option<String>,
    first: Option<FirstRun>,
    dialog: Option<OpenDialog>,
}

impl Webhooks {
    fn rejected_link(&self) -> String {
        format!("All {} in the last 24 hours", grouped(self.rejected_today))
    }

    /// Whether the notice stands below this row.
    fn tells_of(&self, row: &CredentialRow) -> bool {
        self.told.as_ref() == Some(&row.id)
    }

    /// Whether the credential of the notice is on another page, or no longer among those that match.
    fn tells_above(&self) -> bool {
        !self.rows.iter().any(|row| self.tells_of(row))
    }
}

#[derive(Template)]
#[template(path = "webhooks_empty.html")]
struct Empty {
    page: Page,
    endpoint: String,
    form: NewForm,
    notice: Option<NoticeWords>,
    revoked: usize,
}

#[derive(Template)]
#[template(path = "webhooks_locked.html")]
struct Locked {
    page: Page,
    upgrade_url: Option<String>,
    /// From the time on Pro. They can be ended, and disabled for when the account is back.
    rows: Vec<CredentialRow>,
    links: ListLinks,
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

/// `GET /settings/integrations/webhooks?q=&state=&sort=&after=`, with the dialog that its query names.
pub(crate) async fn show(
    current_user: SignedIn,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    render(&current_user, &query, (Dialog::of(&query), None), StatusCode::OK).await
}

/// The page, as it is asked for or after a form that came to nothing.
pub(crate) async fn render(
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
    let query = ListQuery::of(query);
    let has_none = all.iter().all(|credential| credential.revoked_at.is_some());
    let body = if !current_user.member.plan.includes_webhooks() {
        locked(&mut conn, current_user, (&all, &query)).await?.render()?
    } else if has_none && !query.is_of_revoked() {
        empty(current_user, &all, refused).render()?
    } else {
        webhooks(&mut conn, current_user, (&all, query), (dialog, refused)).await?.render()?
    };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

fn page(current_user: &SignedIn) -> Page {
    current_user.page("Webhooks settings").at("settings", "webhooks")
}

/// What was just done here, and with which credential. Asked for last, so that no page that fails takes it.
fn notice(current_user: &SignedIn, all: &[Credential], back: &str) -> Option<(CredentialId, NoticeWords)> {
    let notice = current_user.take_notice(Notice::webhooks)?;
    notice_words::words(notice, all, back, current_user.now())
}

fn count_revoked(all: &[Credential]) -> usize {
    all.iter().filter(|credential| credential.revoked_at.is_some()).count()
}

async fn locked(
    conn: &mut Connection,
    current_user: &SignedIn,
    (all, query): (&[Credential], &ListQuery),
) -> Result<Locked, PageError> {
    let now = current_user.now();
    let soon = now.saturating_add(SignedDuration::from_mins(30)).unwrap_or(now);
    // Without counts: they get no events.
    let none = HalfHours::default();
    let (shown, links) = query.page(all, (&none, &[]), now);
    Ok(Locked {
        page: page(current_user),
        upgrade_url: current_user.state().upgrade_url.clone(),
        rows: shown.into_iter().map(|credential| CredentialRow::new(credential, &none, &[], now)).collect(),
        links,
        last_event: event_counts::has_accepted_before(conn, current_user.member.account_id, soon).await?,
        // To enable is part of Pro.
        notice: notice(current_user, all, PATH).map(|(_, words)| NoticeWords { undo: None, ..words }),
    })
}

fn empty(current_user: &SignedIn, all: &[Credential], refused: Option<Refused>) -> Empty {
    Empty {
        page: page(current_user),
        endpoint: current_user.state().ingest_url.clone(),
        form: NewForm::new(refused, current_user.now()),
        revoked: count_revoked(all),
        notice: notice(current_user, all, PATH).map(|(_, words)| words),
    }
}

async fn webhooks(
    conn: &mut Connection,
    current_user: &SignedIn,
    (all, query): (&[Credential], ListQuery),
    (dialog, refused): (Option<Dialog>, Option<Refused>),
) -> Result<Webhooks, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let counts = event_counts::list_since(conn, account, Span::Day.start(now, &TimeZone::UTC)).await?;
    let held = held_events::list(conn, account, now).await?;
    let dialog = match dialog {
        Some(dialog) => dialog.open(conn, current_user, (all, &held), refused).await?,
        None => None,
    };
    let first = FirstRun::of(conn, account, all, now).await?;
    let refused =
        rejections::list(conn, account, RejectionFilter::of(&EventFilter::default()), None, RECENT_REJECTIONS).await?;
    let with_held: Vec<CredentialId> = held.iter().map(|held| held.credential_id).collect();
    let (shown, links) = query.page(all, (&counts, &with_held), now);
    let (back, revoked) = (query.address(), count_revoked(all));
    let (told, notice) = notice(current_user, all, &back).map(|(id, words)| (id.to_string(), words)).unzip();
    Ok(Webhooks {
        page: page(current_user).behind_dialog(dialog.is_some()),
        endpoint: current_user.state().ingest_url.clone(),
        rows: shown.into_iter().map(|credential| CredentialRow::new(credential, &counts, &held, now)).collect(),
        links,
        states: query.states(),
        sorts: query.sorts(),
        query,
        asking: back.strip_prefix(PATH).map_or_else(String::new, |query| query.replacen('?', "&", 1)),
        back,
        living: all.len() - revoked,
        most: current_user.member.limits().credentials,
        revoked,
        rejections: refused.rows.iter().map(|rejection| RejectionRow::new(rejection, now)).collect(),
        rejected_today: counts.values().map(|counts| counts.rejected).sum(),
        first,
        dialog,
        notice,
        told,
    })
}
