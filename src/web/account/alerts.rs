//! Settings → Alerts: what fires, what was told, which rules there are, and what is told of without one.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::SignedDuration;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::alert_acts::{AlertError, acknowledge_alert, choose_alerts, mute_alert, test_alerts};
use crate::domain::alert_kind::AlertKind;
use crate::domain::alert_message::subject_name;
use crate::domain::alert_rule::MAX_RULES;
use crate::domain::ids::AlertId;
use crate::store::tables::alert_rules::{self, AlertSettings, NamedRule};
use crate::store::tables::alerts;
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::forms::Submitted;
use crate::web::notice::{AlertsNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::alert_row::{AlertRow, OpenAlert};

/// The address of this page.
pub(super) const PATH: &str = "/settings/alerts";
/// How many changes a page has.
const CHANGES: usize = 50;
/// For how long an alert can be muted: in forms, in words, in hours.
const MUTES: [(&str, &str, i64); 3] = [("1h", "1 hour", 1), ("24h", "24 hours", 24), ("7d", "7 days", 7 * 24)];

/// A rule as the page shows it.
struct Rule {
    id: Uuid,
    title: &'static str,
    name: String,
    words: String,
}

/// What is told of without a rule, or not.
struct Switch {
    kind: AlertKind,
    is_on: bool,
}

/// Whether messages reach the reader.
#[derive(Clone, Copy, PartialEq)]
enum Mail {
    /// The server sends none.
    None,
    Unconfirmed,
    Off,
    On,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Index {
    page: Page,
    notice: Option<NoticeWords>,
    open: Vec<OpenAlert>,
    rules: Vec<Rule>,
    most: u32,
    switches: Vec<Switch>,
    mails: bool,
    mail: Mail,
    email: String,
    mutes: [(&'static str, &'static str, i64); 3],
    changes: Vec<AlertRow>,
    newer: Option<String>,
    older: Option<String>,
}

impl From<NamedRule> for Rule {
    fn from(NamedRule { rule, name }: NamedRule) -> Self {
        let name = subject_name(name.as_deref().unwrap_or_default());
        Self { id: rule.id, title: rule.kind.title(), name, words: rule.words() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    before: Option<Uuid>,
}

fn mail(current_user: &SignedIn, chosen: &AlertSettings) -> Mail {
    match current_user.state().mailer.is_some() {
        false => Mail::None,
        true if !current_user.member.email_is_confirmed => Mail::Unconfirmed,
        true if !chosen.mails => Mail::Off,
        true => Mail::On,
    }
}

/// `GET /settings/alerts?before=`
pub(crate) async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (account, now, zone) = (current_user.member.account_id, current_user.now(), current_user.zone());
    let mut conn = current_user.state().store.connection().await?;
    let open = alerts::list(&mut conn, account, now).await?;
    let rules = alert_rules::list(&mut conn, account).await?;
    let chosen = alert_rules::find_settings(&mut conn, account).await?;
    let mut changes = alerts::list_changes(&mut conn, account, query.before, CHANGES as i64 + 1).await?;
    let has_more = changes.len() > CHANGES;
    changes.truncate(CHANGES);
    let last = changes.last().filter(|_| has_more).map(|change| change.id.to_string());
    let notice = current_user.take_notice(Notice::alerts);
    html(&Index {
        page: current_user.page("Alerts").at("settings", "alerts"),
        notice: notice.map(|notice| notice_words::of_alerts(&notice, &current_user.member.email)),
        open: open.iter().map(|alert| OpenAlert::new(alert, now, zone)).collect(),
        rules: rules.into_iter().map(Rule::from).collect(),
        most: MAX_RULES,
        switches: AlertKind::switched().map(|kind| Switch { kind, is_on: chosen.has(kind) }).collect(),
        mails: chosen.mails,
        mail: mail(&current_user, &chosen),
        email: current_user.member.email.clone(),
        mutes: MUTES,
        changes: changes.iter().map(|change| AlertRow::of_change(change, now, zone)).collect(),
        newer: query.before.map(|_| format!("{PATH}#history")),
        older: last.map(|id| format!("{}#history", address(PATH, &[("before", &id)]))),
    })
}

/// Back to the page, with a word on what was done.
pub(super) fn done(current_user: &SignedIn, notice: AlertsNotice) -> HttpResponse {
    current_user.redirect_with(PATH, Notice::Alerts(notice))
}

fn parse_id(text: &str) -> Result<AlertId, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

/// `POST /settings/alerts/{id}/acknowledgement`
pub(crate) async fn acknowledge(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    acknowledge_alert(current_user.acting(&current_user.act()), parse_id(&id)?).await?;
    Ok(done(&current_user, AlertsNotice::Acknowledged))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct MuteForm {
    /// `1h`, `24h`, `7d`; anything else: no longer.
    time: String,
}

/// `POST /settings/alerts/{id}/muting`
pub(crate) async fn mute(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<MuteForm>,
) -> Result<HttpResponse, PageError> {
    let time = MUTES.iter().find(|(word, ..)| *word == form.time).map(|(.., hours)| SignedDuration::from_hours(*hours));
    let until = mute_alert(current_user.acting(&current_user.act()), parse_id(&id)?, time).await?;
    Ok(done(&current_user, if until.is_some() { AlertsNotice::Muted } else { AlertsNotice::Unmuted }))
}

/// `POST /settings/alerts/choice`: fields `kind`, any number of times, and `mails`.
pub(crate) async fn choose(
    current_user: SignedIn,
    Submitted(fields): Submitted<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    let has = |name: &str, value: &str| fields.iter().any(|(key, given)| key == name && given == value);
    let kinds = AlertKind::switched().filter(|kind| has("kind", kind.as_str())).collect();
    let chosen = AlertSettings { kinds, mails: has("mails", "on") };
    choose_alerts(current_user.acting(&current_user.act()), &chosen).await?;
    Ok(done(&current_user, AlertsNotice::Chosen))
}

/// `POST /settings/alerts/test`
pub(crate) async fn test(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let can_come = current_user.state().mailer.is_some() && current_user.member.email_is_confirmed;
    let is_sent = can_come && test_alerts(current_user.acting(&current_user.act())).await?;
    Ok(done(&current_user, if is_sent { AlertsNotice::TestSent } else { AlertsNotice::TestNotSent }))
}

impl From<AlertError> for PageError {
    fn from(error: AlertError) -> Self {
        match error {
            AlertError::NotFound => PageError::NotFound,
            AlertError::Failed(failure) => failure.into(),
            error @ AlertError::TooMany => PageError::BadRequest(error.to_string()),
        }
    }
}
