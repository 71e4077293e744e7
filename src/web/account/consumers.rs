//! Settings → Consumers: who follows the account's events, how far each is, and how one is made.

use actix_web::HttpResponse;
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::consumers::{ConsumerAct, ConsumerError, create_consumer};
use crate::domain::api_token::bound_to;
use crate::domain::audit::Act;
use crate::domain::consumer::{Consumer, MAX_CONSUMERS, Start, Subject, Truncated, parse_name};
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::ConsumerId;
use crate::domain::query::ast::Query;
use crate::domain::time::parse_bound_in;
use crate::store::scan::waiting::{self, Waiting};
use crate::store::tables::{consumers, credentials};
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::notice::{ConsumersNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

/// The address of the list.
pub(super) const PATH: &str = "/settings/consumers";

/// A consumer as pages show it.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) query: String,
    pub(super) credentials: usize,
    pub(super) created: When,
    /// `None` before the oldest event.
    pub(super) position: Option<When>,
    /// How many events wait, in words; `None` where a search decides what counts.
    pub(super) behind: Option<String>,
    pub(super) waits: bool,
    pub(super) oldest: Option<When>,
    pub(super) pulled: Option<When>,
    pub(super) acknowledged: Option<When>,
    /// What was missing, and when it was said.
    pub(super) truncated: Option<(&'static str, When)>,
}

impl Shown {
    pub(super) fn new(consumer: &Consumer, waiting: Option<Waiting>, now: Timestamp) -> Self {
        let ago = |time: Option<Timestamp>| time.map(|time| When::ago(time, now));
        let at = Some(consumer.position.at).filter(|id| !id.0.is_nil()).map(|id| id.received_at());
        Self {
            id: consumer.id.to_string(),
            name: escape_invisible(&consumer.name).into_owned(),
            query: escape_invisible(&consumer.subject.query).into_owned(),
            credentials: consumer.subject.credentials.len(),
            created: When::minute(consumer.created_at, now),
            position: ago(at),
            behind: waiting.map(in_words),
            waits: waiting.is_some_and(|waiting| waiting.events > 0),
            oldest: ago(waiting.and_then(|waiting| waiting.oldest).map(|id| id.received_at())),
            pulled: ago(consumer.last_pulled_at),
            acknowledged: ago(consumer.last_acked_at),
            truncated: consumer.truncated.map(|(truncated, at)| (said(truncated), When::minute(at, now))),
        }
    }
}

fn in_words(waiting: Waiting) -> String {
    let events = format!("{} {}", grouped(waiting.events), if waiting.events == 1 { "event" } else { "events" });
    match (waiting.events, waiting.is_exact) {
        (0, true) => "Up to date".to_owned(),
        (_, true) => format!("{events} behind"),
        (0, false) => "Behind".to_owned(),
        (_, false) => format!("At least {events} behind"),
    }
}

fn said(truncated: Truncated) -> &'static str {
    match truncated {
        Truncated::Retention => "Events may have expired before it read them.",
        Truncated::Deletion => "Events were deleted before it read them.",
        Truncated::Unknown => {
            "The database was restored, upgraded or failed over. Reading continued by event ID, so some events came twice."
        }
    }
}

#[derive(Template)]
#[template(path = "consumers.html")]
struct Index {
    page: Page,
    notice: Option<NoticeWords>,
    consumers: Vec<Shown>,
    most: u32,
}

/// `GET /settings/consumers`
pub(crate) async fn index(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let all = consumers::list(&mut conn, account).await?;
    let waiting = match all.is_empty() {
        true => Vec::new(),
        false => waiting::of_each(&mut conn, account, &all, current_user.kept_since()).await?,
    };
    let notice = current_user.take_notice(Notice::consumers);
    html(&Index {
        page: current_user.page("Consumers").at("settings", "consumers"),
        notice: notice.map(|notice| notice_words::of_consumers(&notice)),
        consumers: all.iter().zip(waiting).map(|(one, waiting)| Shown::new(one, waiting, now)).collect(),
        most: MAX_CONSUMERS,
    })
}

/// Where a form begins to read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StartFields {
    pub(super) start: String,
    pub(super) since: String,
}

impl StartFields {
    /// What is asked for; or what is wrong.
    pub(super) fn understand(&self, now: Timestamp, zone: &TimeZone) -> Result<Start, String> {
        match self.start.as_str() {
            "now" => Ok(Start::Now),
            "oldest" => Ok(Start::Oldest),
            "since" => match parse_bound_in(&self.since, now, zone) {
                Ok(time) => Ok(Start::Since(time)),
                Err(error) => Err(format!("{error}.")),
            },
            _ => Err("Choose where to start.".to_owned()),
        }
    }
}

/// The form as it was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Form {
    id: Option<String>,
    name: String,
    q: String,
    credentials: String,
    #[serde(flatten)]
    start: StartFields,
}

impl Form {
    /// What is asked for; or what is wrong, by the field.
    fn understand(&self, owned: &[Credential], user: &SignedIn) -> Result<(CredentialName, Subject, Start), Errors> {
        let mut errors = Errors::default();
        let name = parse_name(&self.name).map_err(|error| errors.name = Some(error.to_string())).ok();
        let query = self.q.trim().to_owned();
        errors.q = Query::parse(&query).err().map(|error| format!("{error}."));
        let usernames = self.credentials.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let credentials = bound_to(usernames, owned).map_err(|error| errors.credentials = Some(error.to_string())).ok();
        let start = self.start.understand(user.now(), user.zone()).map_err(|error| errors.start = Some(error)).ok();
        match (name, credentials, start) {
            (Some(name), Some(credentials), Some(start)) if errors.q.is_none() => {
                Ok((name, Subject { query, credentials }, start))
            }
            _ => Err(errors),
        }
    }
}

/// What is wrong with a form.
#[derive(Default)]
struct Errors {
    name: Option<String>,
    q: Option<String>,
    credentials: Option<String>,
    start: Option<String>,
}

#[derive(Template)]
#[template(path = "consumer_new.html")]
struct New {
    page: Page,
    form: Form,
    start: StartFields,
    errors: Errors,
    start_error: Option<String>,
    new_id: Uuid,
}

impl New {
    fn of(current_user: &SignedIn, mut form: Form, mut errors: Errors) -> Self {
        let page = current_user.page("Create consumer").at("settings", "consumers");
        let (start, start_error) = (std::mem::take(&mut form.start), errors.start.take());
        Self { page, form, start, errors, start_error, new_id: Uuid::new_v4() }
    }
}

/// `GET /settings/consumers/new`
pub(crate) async fn new(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let start = StartFields { start: "now".to_owned(), since: String::new() };
    html(&New::of(&current_user, Form { start, ..Form::default() }, Errors::default()))
}

/// An act of this user on one of the account's consumers.
pub(super) fn on<'a>(current_user: &'a SignedIn, id: ConsumerId, act: &'a Act) -> ConsumerAct<'a> {
    ConsumerAct { store: &current_user.state().store, account: current_user.member.account_id, id, act }
}

/// `POST /settings/consumers`
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let account = current_user.member.account_id;
    let owned = match form.credentials.trim().is_empty() {
        true => Vec::new(),
        false => credentials::list(&mut *current_user.state().store.connection().await?, account).await?,
    };
    let (name, subject, start) = match form.understand(&owned, &current_user) {
        Ok(understood) => understood,
        Err(errors) => return html_invalid(&New::of(&current_user, form, errors)),
    };
    let (id, act) = (ConsumerId(id_or_new(form.id.as_deref())), current_user.act());
    let notice = match create_consumer(on(&current_user, id, &act), &name, subject, &start).await {
        Ok(_) => ConsumersNotice::Created,
        Err(ConsumerError::AlreadyCreated) => ConsumersNotice::CreatedBefore,
        Err(error @ (ConsumerError::NameTaken | ConsumerError::TooMany)) => {
            let problem = if matches!(error, ConsumerError::NameTaken) {
                "You have a consumer with this name already. Choose another name.".to_owned()
            } else {
                format!("You’ve reached the limit of {MAX_CONSUMERS} consumers. Delete one that you no longer need.")
            };
            return html_invalid(&New::of(&current_user, form, Errors { name: Some(problem), ..Errors::default() }));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(current_user.redirect_with(&format!("{PATH}/{id}"), Notice::Consumers(notice)))
}

impl From<ConsumerError> for PageError {
    /// What a page does not answer in its own way.
    fn from(error: ConsumerError) -> Self {
        match error {
            ConsumerError::NotFound => PageError::NotFound,
            ConsumerError::Failed(failure) => failure.into(),
            error => PageError::BadRequest(error.to_string()),
        }
    }
}
