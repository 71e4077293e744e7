//! The only page that ever shows a password, and what is said to who asks for it again.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::CredentialId;
use crate::domain::secret::Secret;
use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::page::Page;
use crate::web::webhooks::first_run::live_path;

/// The page that shows a password, this once.
#[derive(Template)]
#[template(path = "credential_created.html")]
struct Created {
    page: Page,
    id: String,
    title: String,
    name: String,
    endpoint: String,
    username: String,
    /// Zeroised with the page; the rendered answer goes to the socket and nowhere else.
    password: Secret,
    authorization: Secret,
    env_file: Secret,
    /// After a rotation: when the old password stops; `Some(None)` when it has.
    rotated: Option<Option<When>>,
    /// Where the page hears of the first event.
    live: String,
}

/// The same address again: the password was shown before.
#[derive(Template)]
#[template(path = "credential_shown.html")]
struct Shown {
    page: Page,
    id: String,
    name: String,
    username: String,
}

/// The answer to who made a password, by creating a credential or by rotating one.
pub(crate) fn created(
    current_user: &SignedIn,
    id: CredentialId,
    (name, username): (&str, &str),
    password: &Secret,
    rotated: Option<Option<When>>,
) -> Result<HttpResponse, PageError> {
    let endpoint = current_user.state().ingest_url.clone();
    let name = escape_invisible(name).into_owned();
    let plain = password.reveal();
    let env_file = format!("WEBHOOK_URL={endpoint}\nWEBHOOK_USERNAME={username}\nWEBHOOK_PASSWORD={plain}\n");
    let title =
        if rotated.is_some() { format!("New password for {name}") } else { format!("Credential created for {name}") };
    let template = Created {
        page: current_user.page(&title).at("settings", "webhooks"),
        id: id.to_string(),
        title,
        authorization: Secret::new(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{plain}")))),
        env_file: Secret::new(format!(
            "data:text/plain;charset=utf-8,{}",
            utf8_percent_encode(&env_file, NON_ALPHANUMERIC)
        )),
        live: live_path(username, current_user.now()),
        username: username.to_owned(),
        password: password.clone(),
        name,
        endpoint,
        rotated,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(template.render()?))
}

/// Somebody sent the form again: what it made exists, and its password is not shown twice.
pub(crate) async fn shown_before(current_user: &SignedIn, id: CredentialId) -> Result<HttpResponse, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let credential =
        credentials::find(&mut conn, current_user.member.account_id, id).await?.ok_or(PageError::NotFound)?;
    let template = Shown {
        page: current_user.page("The password was shown already").at("settings", "webhooks"),
        id: id.to_string(),
        name: escape_invisible(&credential.name).into_owned(),
        username: credential.username,
    };
    Ok(HttpResponse::Conflict().content_type("text/html; charset=utf-8").body(template.render()?))
}
