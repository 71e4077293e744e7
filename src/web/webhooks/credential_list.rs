//! Settings → Integrations → Webhooks: the endpoint, the credentials and what was refused lately.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use crate::domain::credential::{Credential, CredentialState, PasswordState};
use crate::domain::credential_password::masked;
use crate::domain::expiry::{Nearness, age};
use crate::domain::listing::EventFilter;
use crate::domain::overlap::Overlap;
use crate::domain::time::{day_and_minute, left, utc};
use crate::domain::visible::visible;
use crate::store::{credentials, event_counts, held_events, rejections};
use crate::web::answers::html;
use crate::web::errors::PageError;
use crate::web::events::chart::Span;
use crate::web::events::rejections::Row as RejectionRow;
use crate::web::page::Page;
use crate::web::reader::SignedIn;
use crate::web::shown::{When, grouped};
use crate::web::webhooks::dialogs::{Dialog, FormError, NewForm, Query, dialog, use_of};
use crate::web::webhooks::first_run::FirstRun;
use crate::web::webhooks::held::Held;
use crate::web::webhooks::notice::{Notice, notice};
use crate::web::webhooks::spark::{self, HalfHours};

/// How many refused requests the page lists.
const RECENT_REJECTIONS: usize = 5;
/// The address of this page.
pub const PATH: &str = "/settings/integrations/webhooks";

/// One password as the page shows it.
struct PasswordLine {
    hint: String,
    masked: String,
    /// `new`, or `old, 21 h left`.
    note: String,
}

/// One credential as the page shows it.
struct Card {
    id: String,
    name: String,
    username: String,
    state: CredentialState,
    passwords: Vec<PasswordLine>,
    last_used: Option<When>,
    last_used_ip: Option<String>,
    events: String,
    spark: Option<(String, String)>,
    busiest: String,
    overlap: Option<OverlapNotice>,
    life: Option<LifeNotice>,
    held: Option<Held>,
    holds_late_events: bool,
    created: When,
    ended: Option<When>,
}

impl Card {
    fn is_active(&self) -> bool {
        self.state.is_open()
    }

    fn is_rotating(&self) -> bool {
        self.state == CredentialState::Rotating
    }
}

/// That a password ends soon, has ended at its date, or is old.
struct LifeNotice {
    kind: &'static str,
    title: String,
    text: &'static str,
    /// Whether the date can be changed still.
    has_date: bool,
}

/// During an overlap: whether the old password is still in use, and from where.
struct OverlapNotice {
    old: OldPassword,
    ends: When,
    /// By how long it can be extended.
    extension: Option<&'static str>,
}

/// What decides whether the old password can go.
enum OldPassword {
    /// When and from where, after the change and, as far as the new one is in use, after that.
    StillUsed(String),
    /// The new one is in use, and the old one no longer.
    NotSinceTheNew,
    /// Neither has been used since the change, so nobody knows yet.
    Unknown,
}

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

pub async fn integrations(reader: SignedIn) -> Result<HttpResponse, PageError> {
    let mut conn = reader.site().store.connection().await?;
    let credentials = credentials::list(&mut conn, reader.member.account_id).await?;
    let template = Integrations {
        page: reader.page("Integrations").at("settings", "integrations"),
        is_pro: reader.member.plan.includes_webhooks(),
        active: credentials.iter().filter(|c| c.revoked_at.is_none()).count(),
        path: PATH,
    };
    html(&template)
}

/// `GET /settings/integrations/webhooks`
pub async fn show(reader: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let rendered = render(&reader, &query, None).await?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(rendered))
}

/// The page after a form that did not validate.
pub async fn show_invalid(reader: &SignedIn, query: &Query, error: FormError) -> Result<HttpResponse, PageError> {
    let rendered = render(reader, query, Some(error)).await?;
    Ok(HttpResponse::UnprocessableEntity().content_type("text/html; charset=utf-8").body(rendered))
}

/// The page with a dialog that says why a change was not possible.
pub async fn show_conflict(reader: &SignedIn, query: &Query) -> Result<HttpResponse, PageError> {
    let rendered = render(reader, query, None).await?;
    Ok(HttpResponse::Conflict().content_type("text/html; charset=utf-8").body(rendered))
}

async fn render(reader: &SignedIn, query: &Query, error: Option<FormError>) -> Result<String, PageError> {
    let (account, now) = (reader.member.account_id, reader.now());
    let mut conn = reader.site().store.connection().await?;
    let all = credentials::list(&mut conn, account).await?;
    let page = reader.page("Webhooks settings").at("settings", "webhooks");
    if !reader.member.plan.includes_webhooks() {
        let counts = event_counts::list_since(&mut conn, account, Timestamp::UNIX_EPOCH).await?;
        let template = Locked {
            page,
            upgrade_url: reader.site().upgrade_url.clone(),
            cards: all
                .iter()
                .filter(|credential| credential.revoked_at.is_none())
                .map(|credential| Card::new(credential, &HalfHours::default(), now))
                .collect(),
            notice: notice(query, &all, now),
            last_event: counts.values().any(|counts| counts.accepted > 0),
        };
        return Ok(template.render()?);
    }
    let counts = event_counts::list_since(&mut conn, account, Span::Day.start(now)).await?;
    let held = held_events::list(&mut conn, account, now).await?;
    let card = |credential: &Credential| Card {
        held: Held::of(&held, credential, now),
        ..Card::new(credential, &counts, now)
    };
    let (revoked, live): (Vec<_>, Vec<_>) = all.iter().partition(|c| c.revoked_at.is_some());
    let notice = notice(query, &all, now);
    let endpoint = reader.site().ingest_url.clone();
    if live.is_empty() {
        let form = match error {
            Some(FormError::New(form)) => form,
            _ => NewForm::blank(),
        };
        let template = Empty { page, endpoint, form, notice, revoked: revoked.into_iter().map(card).collect() };
        return Ok(template.render()?);
    }
    let dialog = dialog(&mut conn, reader, query, (&all, &held), error).await?;
    let first = FirstRun::of(&mut conn, account, &all, now).await?;
    let refused = rejections::list(&mut conn, account, &EventFilter::default(), None, None, RECENT_REJECTIONS).await?;
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

impl Card {
    fn new(credential: &Credential, counts: &HalfHours, now: Timestamp) -> Self {
        let by_hour = spark::by_hour(counts, credential.id, now);
        let events: u64 = by_hour.iter().sum();
        let last = credential.last_used();
        let live = credential.passwords.iter().filter_map(|password| {
            let note = match password.state(now) {
                PasswordState::Current => {
                    let new = credential.expiring(now).map(|_| "new".to_owned());
                    let until = password.expires_at.map(|end| utc("until %-d %b %Y", end));
                    new.into_iter().chain(until).collect::<Vec<_>>().join(", ")
                }
                PasswordState::Expiring => {
                    let end = password.expires_at.unwrap_or(now);
                    format!("old, {}", left(end, now))
                }
                PasswordState::Expired | PasswordState::Revoked => return None,
            };
            Some(PasswordLine { hint: password.hint.clone(), masked: masked(&password.hint), note })
        });
        Self {
            id: credential.id.to_string(),
            name: visible(&credential.name).into_owned(),
            username: credential.username.clone(),
            state: credential.state(now),
            passwords: live.collect(),
            last_used: last.and_then(|password| password.last_used_at).map(|at| When::ago(at, now)),
            last_used_ip: last.and_then(|password| password.last_used_ip).map(|ip| ip.to_string()),
            events: grouped(events),
            spark: (events > 0).then(|| spark::spark(&by_hour)),
            busiest: grouped(by_hour.iter().copied().max().unwrap_or(0)),
            overlap: OverlapNotice::new(credential, now),
            life: LifeNotice::new(credential, now),
            held: None,
            holds_late_events: credential.holds_late_events,
            created: When::minute(credential.created_at, now),
            ended: credential.revoked_at.map(|at| When::minute(at, now)),
        }
    }
}

impl LifeNotice {
    fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        if let Some(end) = credential.expired_at(now) {
            let title = format!("The password expired on {}.", day_and_minute(end, now));
            let text = "Its senders get 401. Rotate the credential and give them the new password.";
            return Some(Self { kind: "bad", title, text, has_date: false });
        }
        let current = credential.current(now)?;
        if let Some(end) = current.expires_at {
            let kind = match Nearness::of(end, now)? {
                Nearness::Ahead => "",
                Nearness::Soon => "warn",
                Nearness::Tomorrow | Nearness::Over => "bad",
            };
            let title = format!("The password expires on {}: {}.", day_and_minute(end, now), left(end, now));
            let text = "Rotate it before that and update its senders, or change the date.";
            return Some(Self { kind, title, text, has_date: true });
        }
        let title = format!("This password is more than {} old.", age(current.created_at, now)?);
        let text = "It still works. Rotate it when it suits you.";
        Some(Self { kind: "", title, text, has_date: false })
    }
}

impl OverlapNotice {
    fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        let old = credential.expiring(now)?;
        let current = credential.current(now);
        let rotated_at = current.map_or(now, |current| current.created_at);
        let first_use = current.and_then(|current| current.first_used_at);
        let since = first_use.unwrap_or(rotated_at);
        let still_used = use_of(old, now).filter(|_| old.last_used_at.is_some_and(|at| at >= since));
        let old_password = match (still_used, first_use) {
            (Some(used), _) => OldPassword::StillUsed(used),
            (None, Some(_)) => OldPassword::NotSinceTheNew,
            (None, None) => OldPassword::Unknown,
        };
        let ends = When::minute(old.expires_at.unwrap_or(now), now);
        Some(Self { old: old_password, ends, extension: old.extension(now).map(Overlap::words) })
    }
}
