//! One consumer: how far it is, another position, and its end.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::consumers::{delete_consumer, seek_consumer};
use crate::domain::consumer::Consumer;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::ConsumerId;
use crate::store::scan::waiting;
use crate::store::tables::{consumers, credentials};
use crate::web::account::consumers::{PATH, Shown, StartFields, on};
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::notice::{ConsumersNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

#[derive(Template)]
#[template(path = "consumer.html")]
struct Show {
    page: Page,
    notice: Option<NoticeWords>,
    consumer: Shown,
    /// The credentials that it reads from, by their names; none: from all.
    credentials: Vec<String>,
    /// Where a program pulls.
    address: String,
    start: StartFields,
    start_error: Option<String>,
}

impl Show {
    async fn of(current_user: &SignedIn, id: &str, start: StartFields) -> Result<Self, PageError> {
        let (state, account) = (current_user.state(), current_user.member.account_id);
        let consumer = find(current_user, id).await?;
        let waiting = waiting::of(&state.store, account, &consumer, current_user.kept_since()).await?;
        let mut names = Vec::new();
        if !consumer.subject.credentials.is_empty() {
            let owned = credentials::list(&mut *state.store.connection().await?, account).await?;
            let read = owned.iter().filter(|one| consumer.subject.credentials.contains(&one.id));
            names = read.map(|one| escape_invisible(&one.name).into_owned()).collect();
        }
        let shown = Shown::new(&consumer, Some(waiting), current_user.now());
        Ok(Self {
            page: current_user.page(&format!("Consumer {}", shown.name)).at("settings", "consumers"),
            notice: current_user.take_notice(Notice::consumers).map(|notice| notice_words::of_consumers(&notice)),
            address: format!("{}/api/v1/consumers/{}/events", state.public_url, shown.id),
            consumer: shown,
            credentials: names,
            start,
            start_error: None,
        })
    }
}

fn parse_id(text: &str) -> Result<ConsumerId, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

async fn find(current_user: &SignedIn, id: &str) -> Result<Consumer, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let found = consumers::find(&mut conn, current_user.member.account_id, parse_id(id)?).await?;
    found.ok_or(PageError::NotFound)
}

/// `GET /settings/consumers/{id}`
pub(crate) async fn show(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&Show::of(&current_user, &id, StartFields::default()).await?)
}

/// `POST /settings/consumers/{id}/position`
pub(crate) async fn seek(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<StartFields>,
) -> Result<HttpResponse, PageError> {
    let start = match form.understand(current_user.now(), current_user.zone()) {
        Ok(start) => start,
        Err(error) => {
            let shown = Show::of(&current_user, &id, form).await?;
            return html_invalid(&Show { start_error: Some(error), ..shown });
        }
    };
    let id = parse_id(&id)?;
    seek_consumer(on(&current_user, id, &current_user.act()), &start).await?;
    Ok(current_user.redirect_with(&format!("{PATH}/{id}"), Notice::Consumers(ConsumersNotice::Moved)))
}

/// `POST /settings/consumers/{id}/deletion`
pub(crate) async fn delete(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    delete_consumer(on(&current_user, parse_id(&id)?, &current_user.act())).await?;
    Ok(current_user.redirect_with(PATH, Notice::Consumers(ConsumersNotice::Deleted)))
}
