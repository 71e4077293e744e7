//! Settings → Account: who one is here, and the account password.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::change_password::{Authority, ChangePasswordError, change_password};
use crate::domain::account_password::{MAX_PASSWORD_CHARS, NewPassword};
use crate::domain::network::throttle_key;
use crate::domain::secret::Secret;
use crate::domain::visible::visible;
use crate::web::answers::{html, html_invalid, see_other};
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::reader::SignedIn;
use crate::web::shown::When;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    page: Page,
    name: String,
    email: String,
    plan: &'static str,
    is_pro: bool,
    upgrade_url: Option<String>,
    since: When,
    password_changed: When,
    changed: bool,
    current_error: Option<String>,
    new_error: Option<String>,
}

#[derive(Deserialize)]
pub struct Query {
    done: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    current_password: Secret,
    new_password: Secret,
}

fn account(reader: &SignedIn) -> Account {
    let member = &reader.member;
    Account {
        page: reader.page("Account").at("settings", "account"),
        name: visible(&member.name).into_owned(),
        email: member.email.clone(),
        plan: member.plan.label(),
        is_pro: member.plan.includes_webhooks(),
        upgrade_url: reader.site().upgrade_url.clone(),
        since: When::minute(member.created_at),
        password_changed: When::ago(member.password_changed_at, reader.now()),
        changed: false,
        current_error: None,
        new_error: None,
    }
}

/// `GET /settings`
pub async fn door(_: SignedIn) -> HttpResponse {
    see_other("/settings/account")
}

/// `GET /settings/account`
pub async fn show(reader: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let mut template = account(&reader);
    template.changed = query.done.as_deref() == Some("password");
    html(&template)
}

/// `POST /settings/account/password`
pub async fn change(reader: SignedIn, Submitted(form): Submitted<Form>) -> Result<HttpResponse, PageError> {
    let Form { current_password, new_password } = form;
    let mut template = account(&reader);
    let failures = &reader.site().sign_in_failures_by_address;
    let address = throttle_key(reader.reader.address);
    if failures.wait(&address, reader.now()).is_some() {
        template.current_error = Some("Too many wrong passwords. Wait a minute, then try again.".to_owned());
        return html_invalid(&template);
    }
    let new = match NewPassword::check(new_password, &[&reader.member.email]) {
        Ok(new) => new,
        Err(problem) => {
            template.new_error = Some(problem.to_string());
            return html_invalid(&template);
        }
    };
    let current: String = current_password.reveal().chars().take(MAX_PASSWORD_CHARS + 1).collect();
    let authority = Authority::User { current: &Secret::new(current), session: reader.reader.session };
    let (store, hasher) = (&reader.site().store, &reader.site().hasher);
    match change_password(store, hasher, &reader.member, &new, authority, &reader.act()).await {
        Ok(()) => Ok(see_other("/settings/account?done=password")),
        Err(ChangePasswordError::WrongPassword) => {
            failures.note_failure(&address, reader.now());
            template.current_error = Some("This isn’t your current password.".to_owned());
            html_invalid(&template)
        }
        Err(ChangePasswordError::Failed(failure)) => Err(failure.into()),
    }
}
