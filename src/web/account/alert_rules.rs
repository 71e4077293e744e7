//! Rules about alerts: a form for each kind, and their end.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::alert_acts::{AlertError, delete_rule, save_rule};
use crate::domain::alert_kind::AlertKind;
use crate::domain::alert_rule::{AlertRule, InvalidRule, RuleFields, WEEKDAYS};
use crate::domain::escape_invisible::escape_invisible;
use crate::store::tables::{consumers, credentials};
use crate::web::account::alerts::done;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::filter_choices::Choice;
use crate::web::forms::Submitted;
use crate::web::notice::AlertsNotice;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

/// How long, as forms offer it: in minutes and in words.
const TIMES: [(u32, &str); 10] = [
    (15, "15 minutes"),
    (30, "30 minutes"),
    (60, "1 hour"),
    (3 * 60, "3 hours"),
    (6 * 60, "6 hours"),
    (12 * 60, "12 hours"),
    (24 * 60, "1 day"),
    (3 * 24 * 60, "3 days"),
    (7 * 24 * 60, "7 days"),
    (30 * 24 * 60, "30 days"),
];

/// The form as it was sent. Weekdays come once each.
#[derive(Default)]
struct Form {
    kind: String,
    subject: String,
    minutes: String,
    at_least: String,
    percent: String,
    weekdays: Vec<String>,
    from: String,
    to: String,
    zone: String,
}

impl Form {
    fn read(fields: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "kind" => form.kind = value,
                "subject" => form.subject = value,
                "minutes" => form.minutes = value,
                "at_least" => form.at_least = value,
                "percent" => form.percent = value,
                "weekday" => form.weekdays.push(value),
                "from" => form.from = value,
                "to" => form.to = value,
                "zone" => form.zone = value,
                _ => {}
            }
        }
        form
    }

    /// As it is before anybody has filled it in.
    fn new(kind: AlertKind, zone: &str) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            minutes: "60".to_owned(),
            at_least: "10".to_owned(),
            weekdays: WEEKDAYS.iter().map(|day| (*day).to_owned()).collect(),
            zone: zone.to_owned(),
            ..Self::default()
        }
    }

    fn fields(&self) -> RuleFields<'_> {
        let Self { minutes, at_least, percent, weekdays, from, to, zone, .. } = self;
        RuleFields { minutes, at_least, percent, weekdays, from, to, zone }
    }

    fn kind(&self) -> Option<AlertKind> {
        self.kind.parse().ok().filter(|kind: &AlertKind| kind.has_rules())
    }
}

/// What is wrong with a form.
enum Wrong {
    Subject(String),
    Field(InvalidRule),
}

#[derive(Template)]
#[template(path = "alert_rule_new.html")]
struct New {
    page: Page,
    form: Form,
    kind: AlertKind,
    subjects: Vec<Choice>,
    times: Vec<Choice>,
    weekdays: Vec<(&'static str, &'static str, bool)>,
    wrong: Option<Wrong>,
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl New {
    async fn of(
        current_user: &SignedIn,
        (form, kind): (Form, AlertKind),
        wrong: Option<Wrong>,
    ) -> Result<Self, PageError> {
        let subjects = subjects(current_user, kind, &form.subject).await?;
        let time = |(minutes, words): &(u32, &str)| {
            let value = minutes.to_string();
            Choice { selected: value == form.minutes, value, label: (*words).to_owned() }
        };
        let day = |(day, name): (&&'static str, &'static str)| (*day, name, form.weekdays.iter().any(|one| one == day));
        Ok(Self {
            page: current_user.page("New alert rule").at("settings", "alerts"),
            subjects,
            times: TIMES.iter().map(time).collect(),
            weekdays: WEEKDAYS.iter().zip(DAYS).map(day).collect(),
            kind,
            form,
            wrong,
        })
    }

    /// What is wrong with a field, by the words of its name.
    fn error(&self, field: &str) -> Option<String> {
        match (&self.wrong, field) {
            (Some(Wrong::Subject(words)), "subject") => Some(words.clone()),
            (Some(Wrong::Field(error)), field) => {
                let of = match error {
                    InvalidRule::Minutes => "minutes",
                    InvalidRule::AtLeast => "at_least",
                    InvalidRule::Percent => "percent",
                    InvalidRule::Weekdays => "weekday",
                    InvalidRule::Hours => "hours",
                    InvalidRule::Zone => "zone",
                };
                (of == field).then(|| error.to_string())
            }
            _ => None,
        }
    }
}

/// What a rule can be about: the account's consumers, or its credentials, one or all.
async fn subjects(current_user: &SignedIn, kind: AlertKind, chosen: &str) -> Result<Vec<Choice>, PageError> {
    let account = current_user.member.account_id;
    let mut conn = current_user.state().store.connection().await?;
    let choice = |value: String, name: &str| Choice {
        selected: value == chosen,
        value,
        label: escape_invisible(name).into_owned(),
    };
    if kind == AlertKind::ConsumerBehind {
        let all = consumers::list(&mut conn, account).await?;
        return Ok(all.iter().map(|one| choice(one.id.to_string(), &one.name)).collect());
    }
    let owned = credentials::list(&mut conn, account).await?;
    let open = owned.iter().filter(|one| one.revoked_at.is_none());
    let each = open.map(|one| choice(one.id.to_string(), &format!("{} ({})", one.name, one.username)));
    Ok(std::iter::once(choice(account.to_string(), "All credentials together")).chain(each).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    kind: String,
    subject: String,
}

/// `GET /settings/alerts/rules/new?kind=&subject=`
pub(crate) async fn new(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let kind = Form { kind: query.kind.clone(), ..Form::default() }.kind().unwrap_or(AlertKind::Silence);
    let zone = current_user.zone().iana_name().unwrap_or("UTC");
    let form = Form { subject: query.subject.clone(), ..Form::new(kind, zone) };
    html(&New::of(&current_user, (form, kind), None).await?)
}

/// `POST /settings/alerts/rules`: makes a rule, or changes the one of its kind about the same.
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(fields): Submitted<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let form = Form::read(fields);
    let kind = form.kind().unwrap_or(AlertKind::Silence);
    let Ok(subject) = form.subject.parse() else {
        let wrong = Wrong::Subject("Choose what the rule is about.".to_owned());
        return html_invalid(&New::of(&current_user, (form, kind), Some(wrong)).await?);
    };
    let rule = match AlertRule::parse((Uuid::new_v4(), kind, subject), &form.fields(), current_user.now()) {
        Ok(rule) => rule,
        Err(error) => {
            return html_invalid(&New::of(&current_user, (form, kind), Some(Wrong::Field(error))).await?);
        }
    };
    match save_rule(current_user.acting(&current_user.act()), &rule).await {
        Ok(()) => Ok(done(&current_user, AlertsNotice::RuleSaved)),
        Err(error @ AlertError::TooMany) => {
            let wrong = Wrong::Subject(format!("{error}."));
            html_invalid(&New::of(&current_user, (form, kind), Some(wrong)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /settings/alerts/rules/{id}/deletion`
pub(crate) async fn delete(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = id.parse().map_err(|_| PageError::NotFound)?;
    delete_rule(current_user.acting(&current_user.act()), id).await?;
    Ok(done(&current_user, AlertsNotice::RuleDeleted))
}
