//! Settings → Account → Delete: what will be lost, a last download, and the end of the account. The password is asked for each
//! time, however lately it was given.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::app::delete_account::{delete_account, erase};
use crate::domain::account::{Holdings, MOST_COUNTED};
use crate::domain::email::Email;
use crate::domain::grouped::grouped;
use crate::domain::secret::Secret;
use crate::store::tables::deleted_accounts;
use crate::web::confirm::{Given, check_both, wrong};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::notice::{Notice, SignInNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};

#[derive(Template)]
#[template(path = "deletion.html")]
struct Deletion {
    page: Page,
    email: String,
    credentials: u64,
    events: String,
    rejections: String,
    has_events: bool,
    /// What was typed.
    typed: String,
    email_error: Option<String>,
    password_error: Option<String>,
    takes_code: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    email: String,
    current_password: Secret,
    /// Where two-step sign-in is on.
    #[serde(default)]
    confirmation_code: Option<Secret>,
}

fn number(counted: u64) -> String {
    if counted > MOST_COUNTED { format!("More than {}", grouped(MOST_COUNTED)) } else { grouped(counted) }
}

async fn page(current_user: &SignedIn) -> Result<Deletion, PageError> {
    let store = &current_user.state().store;
    let Holdings { credentials, events, rejections } =
        deleted_accounts::holdings(&mut *store.connection().await?, current_user.member.account_id).await?;
    Ok(Deletion {
        page: current_user.page("Delete account").at("settings", "account"),
        email: current_user.member.email.clone(),
        credentials,
        events: number(events),
        rejections: number(rejections),
        has_events: events > 0,
        typed: String::new(),
        email_error: None,
        password_error: None,
        takes_code: current_user.member.has_second_factor,
    })
}

/// `GET /settings/account/deletion`
pub(crate) async fn new(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    html(&page(&current_user).await?)
}

/// `POST /settings/account/deletion`
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Form { email, current_password, confirmation_code } = form;
    if email.parse::<Email>().map(|email| email.as_str() != current_user.member.email).unwrap_or(true) {
        let mut template = page(&current_user).await?;
        template.email_error = Some(format!("Type {} to confirm.", current_user.member.email));
        template.typed = email.chars().take(300).collect();
        return html_invalid(&template);
    }
    let (reader, member) = (&current_user.current_user, &current_user.member);
    let code = member.has_second_factor.then(|| confirmation_code.unwrap_or_default());
    let problem = match check_both(reader, member, &current_password, code.as_ref()).await? {
        Given::Right(attempt) => {
            attempt.was_right();
            None
        }
        Given::Wrong => Some(wrong(code.is_some()).to_owned()),
        Given::TooMany { seconds } => {
            Some(format!("Too many wrong passwords. Wait {seconds} seconds, then try again."))
        }
    };
    if let Some(problem) = problem {
        let mut template = page(&current_user).await?;
        template.password_error = Some(problem);
        template.typed = email;
        return html_invalid(&template);
    }
    let (store, account) = (current_user.state().store.clone(), current_user.member.account_id);
    delete_account(&store, &current_user.member, &current_user.act()).await?;
    let notice = Notice::SignIn(SignInNotice::AccountDeleted);
    current_user.current_user.session.end_telling(notice, current_user.now());
    // Nobody has to wait for this. What is left when the program ends is erased by upkeep.
    tokio::spawn(async move {
        if let Err(error) = erase(&store, account).await {
            tracing::warn!(%error, "events of a deleted account aren’t erased yet; upkeep continues");
        }
    });
    Ok(see_other("/login"))
}
