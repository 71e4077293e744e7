//! Settings → Account: who one is here, how one signs in, and the account password.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::app::change_email::{ChangeEmailError, change_email};
use crate::app::change_password::{Authority, change_password};
use crate::app::mailed_links;
use crate::app::rename_account::rename_account;
use crate::domain::account::AccountName;
use crate::domain::account_password::NewPassword;
use crate::domain::email::Email;
use crate::domain::network::throttle_key;
use crate::domain::secret::Secret;
use crate::store::tables::second_factors;
use crate::web::account::notice_words;
use crate::web::confirm::{Given, check_both, wrong};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::Submitted;
use crate::web::notice::{AccountNotice, Notice, NoticeWords};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled, see_other};

/// The address of this page.
const PATH: &str = "/settings/account";

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    page: Page,
    /// What was typed, or the name.
    name: String,
    /// What one signs in with.
    sign_in_email: String,
    plan: &'static str,
    is_pro: bool,
    upgrade_url: Option<String>,
    since: When,
    password_changed: When,
    /// Until when a generated password has to be changed.
    password_expires: Option<When>,
    asks_current: bool,
    /// Since when two-step sign-in is on, and how many recovery codes are left.
    second_factor: Option<(When, usize)>,
    notice: Option<NoticeWords>,
    /// What was not done, when a form has errors.
    failed: Option<&'static str>,
    name_error: Option<String>,
    email: String,
    email_error: Option<String>,
    /// Nobody has shown yet that mail to the address gets to the reader, and it could be sent.
    is_unconfirmed: bool,
    current_error: Option<String>,
    new_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    #[serde(default)]
    current_password: Secret,
    new_password: Secret,
    /// Where two-step sign-in is on.
    #[serde(default)]
    confirmation_code: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameForm {
    name: String,
    #[serde(default)]
    resumed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailForm {
    email: String,
    #[serde(default)]
    resumed: Option<String>,
    /// Read on the way here, when it was needed.
    #[serde(default, rename = "current_password")]
    _password: Option<Secret>,
    #[serde(default, rename = "confirmation_code")]
    _code: Option<Secret>,
}

async fn account(current_user: &SignedIn) -> Result<Account, PageError> {
    let member = &current_user.member;
    let factor = second_factors::find(&mut *current_user.state().store.connection().await?, member.user_id).await?;
    Ok(Account {
        page: current_user.page("Account").at("settings", "account"),
        name: member.name.clone(),
        sign_in_email: member.email.clone(),
        email: member.email.clone(),
        plan: member.plan.label(),
        is_pro: member.plan.includes_webhooks(),
        upgrade_url: current_user.state().upgrade_url.clone(),
        since: When::minute(member.created_at, current_user.now()),
        password_changed: When::ago(member.password_changed_at, current_user.now()),
        password_expires: member.password_expires_at.map(|at| When::minute(at, current_user.now())),
        asks_current: asks_current(current_user),
        second_factor: factor.map(|factor| (When::minute(factor.turned_on_at, current_user.now()), factor.codes_left)),
        notice: None,
        failed: None,
        name_error: None,
        email_error: None,
        is_unconfirmed: current_user.state().mailer.is_some() && !member.email_is_confirmed,
        current_error: None,
        new_error: None,
    })
}

/// Back to the page, with a word on what was done.
pub(crate) fn done(current_user: &SignedIn, notice: AccountNotice) -> HttpResponse {
    current_user.redirect_with(PATH, Notice::Account(notice))
}

/// `GET /settings`
pub(crate) async fn door(_: SignedIn) -> HttpResponse {
    see_other(PATH)
}

/// `GET /settings/account`
pub(crate) async fn show(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let mut template = account(&current_user).await?;
    let notice = current_user.take_notice(Notice::account);
    template.notice = notice.map(|notice| notice_words::of_account(&notice, &current_user.member.email));
    html(&template)
}

/// `POST /settings/account/name`
pub(crate) async fn rename(
    current_user: SignedIn,
    Submitted(form): Submitted<NameForm>,
) -> Result<HttpResponse, PageError> {
    if form.resumed.is_some() {
        return html(&Account { name: form.name, ..account(&current_user).await? });
    }
    let name: AccountName = match form.name.parse() {
        Ok(name) => name,
        Err(problem) => {
            let mut template = account(&current_user).await?;
            template.failed = Some("The name wasn’t changed.");
            template.name_error = Some(format!("{problem}"));
            template.name = form.name;
            return html_invalid(&template);
        }
    };
    rename_account(&current_user.state().store, &current_user.member, &name, &current_user.act()).await?;
    Ok(done(&current_user, AccountNotice::Name))
}

/// `POST /settings/account/email`, behind the question for the password.
pub(crate) async fn change_address(
    current_user: SignedIn,
    Submitted(form): Submitted<EmailForm>,
) -> Result<HttpResponse, PageError> {
    let mut template = account(&current_user).await?;
    template.email = form.email.trim().chars().take(300).collect();
    if form.resumed.is_some() {
        return html(&template);
    }
    template.failed = Some("Your email address wasn’t changed.");
    let email: Email = match form.email.parse() {
        Ok(email) => email,
        Err(problem) => {
            template.email_error = Some(format!("{problem}"));
            return html_invalid(&template);
        }
    };
    // Trying addresses out tells who has an account here, so it is limited like failing to sign in.
    let address = throttle_key(current_user.current_user.address);
    let Ok(attempt) = current_user.state().sign_in_failures_by_address.take(&address, current_user.now()).await else {
        template.email_error = Some("Too many attempts from your address. Wait a minute, then try again.".to_owned());
        return html_invalid(&template);
    };
    let (store, kept) = (&current_user.state().store, current_user.current_user.session_id);
    match change_email(store, &current_user.member, &email, kept, &current_user.act()).await {
        Ok(()) => {
            attempt.give_back();
            Ok(done(&current_user, AccountNotice::Email))
        }
        Err(ChangeEmailError::Taken) => {
            template.email_error = Some("This email address can’t be used. Use another one.".to_owned());
            html_invalid(&template)
        }
        Err(ChangeEmailError::Failed(failure)) => Err(failure.into()),
    }
}

/// `POST /settings/account/email/confirmation`
pub(crate) async fn send_confirmation(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    if current_user.state().mailer.is_none() {
        return Err(PageError::NotFound);
    }
    let act = current_user.act();
    let is_sent = mailed_links::send_confirmation(current_user.acting(&act)).await?;
    Ok(done(&current_user, if is_sent { AccountNotice::ConfirmationSent } else { AccountNotice::ConfirmationNotSent }))
}

/// A generated password that has just signed somebody in, or a link in its place, need not be said again.
fn asks_current(current_user: &SignedIn) -> bool {
    current_user.member.password_expires_at.is_none() || !current_user.current_user.password_is_recent()
}

/// `POST /settings/account/password`
pub(crate) async fn change(
    current_user: SignedIn,
    Submitted(form): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Form { current_password, new_password, confirmation_code } = form;
    let mut template = account(&current_user).await?;
    template.failed = Some("Your password wasn’t changed.");
    // Before the current one: a code that was looked at is used up.
    let new = match NewPassword::check(new_password, &[&current_user.member.email, &current_user.member.name]) {
        Ok(new) => new,
        Err(problem) => {
            template.new_error = Some(problem.to_string());
            return html_invalid(&template);
        }
    };
    let (reader, member) = (&current_user.current_user, &current_user.member);
    let code = template.second_factor.is_some().then(|| confirmation_code.unwrap_or_default());
    let given = match asks_current(&current_user) {
        true => Some(check_both(reader, member, &current_password, code.as_ref()).await?),
        false => None,
    };
    match given {
        None => {}
        Some(Given::Right(attempt)) => attempt.was_right(),
        Some(Given::Wrong) => {
            let what = if code.is_some() { wrong(true) } else { "This isn’t your current password." };
            template.current_error = Some(what.to_owned());
            return html_invalid(&template);
        }
        Some(Given::TooMany { seconds }) => {
            template.current_error = Some(format!("Too many wrong passwords. Wait {seconds} seconds, then try again."));
            return html_throttled(&template, seconds);
        }
    }
    let act = current_user.act();
    let authority = Authority::User { session: reader.session_id };
    change_password(current_user.acting(&act), &current_user.state().hasher, &new, authority).await?;
    reader.session.note_password(current_user.now());
    Ok(done(&current_user, AccountNotice::Password))
}
