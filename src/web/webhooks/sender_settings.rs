//! The sender settings of one credential: what it accepts beyond the default, and its token address.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::SignedDuration;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::credential_act::CredentialError;
use crate::app::set_sender_settings::set_sender_settings;
use crate::app::token_address::{make_token_address, revoke_token_address};
use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::SecretId;
use crate::domain::masked::masked;
use crate::domain::secret::Secret;
use crate::domain::sender_settings::{HeaderName, SenderSettings, parse_networks};
use crate::domain::token_address;
use crate::store::tables::{credentials, events, token_addresses};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::notice::CredentialNotice;
use crate::web::page::Page;
use crate::web::webhooks::origin::{done, id_of, id_on_pro};

/// How far back events are looked at for what a choice of networks would have refused.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many networks a session keeps for whoever takes a change back.
const MAX_TAKEN_BACK: usize = 20;

/// The form as it was sent. A box that is not ticked is no field.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Form {
    any_content_type: Option<String>,
    compressed_bodies: Option<String>,
    batches: Option<String>,
    put_as_post: Option<String>,
    #[serde(default)]
    stored_once_by: String,
    #[serde(default)]
    networks: String,
    /// The networks that the reader was warned of.
    warned_of: Option<String>,
    /// Where the form stands that takes back what was saved.
    #[serde(default)]
    return_to: String,
    resumed: Option<String>,
}

/// A token address that works.
struct TokenAddress {
    masked: String,
    created: When,
    last_used: Option<When>,
}

#[derive(Template)]
#[template(path = "sender_settings.html")]
struct Show {
    page: Page,
    id: String,
    name: String,
    username: String,
    settings: SenderSettings,
    stored_once_by: String,
    networks: String,
    header_error: Option<String>,
    networks_error: Option<String>,
    /// What these networks would have refused, before they are chosen.
    warning: Option<String>,
    token_address: Option<TokenAddress>,
    /// The id of a token address that the form makes.
    new_id: Uuid,
}

/// What is shown of a form that was not taken.
#[derive(Default)]
struct Untaken {
    header_error: Option<String>,
    networks_error: Option<String>,
    warning: Option<String>,
}

async fn find(current_user: &SignedIn, id: &str) -> Result<Credential, PageError> {
    let mut conn = current_user.state().store.connection().await?;
    let found = credentials::find(&mut conn, current_user.member.account_id, id_of(id)?).await?;
    found.filter(|credential| credential.revoked_at.is_none()).ok_or(PageError::NotFound)
}

/// `GET …/credentials/{id}/sender-settings`
pub(crate) async fn show(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let credential = find(&current_user, &id).await?;
    let form = Form {
        stored_once_by: credential.settings.stored_once_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        networks: credential.settings.networks.iter().map(|network| format!("{network}\n")).collect(),
        ..Form::default()
    };
    let settings = credential.settings.clone();
    render(&current_user, (&credential, settings), form, Untaken::default()).await
}

/// `POST …/credentials/{id}/sender-settings`
pub(crate) async fn save(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    current_user.require_pro()?;
    let credential = find(&current_user, &id).await?;
    let header = match form.stored_once_by.trim() {
        "" => Ok(None),
        name => name.parse::<HeaderName>().map(Some),
    };
    let networks = parse_networks(&form.networks);
    let mut settings = SenderSettings {
        any_content_type: form.any_content_type.is_some(),
        compressed_bodies: form.compressed_bodies.is_some(),
        batches: form.batches.is_some(),
        put_as_post: form.put_as_post.is_some(),
        ..SenderSettings::default()
    };
    let untaken = match (header, networks) {
        _ if form.resumed.is_some() => Untaken::default(),
        (Ok(header), Ok(networks)) => {
            (settings.stored_once_by, settings.networks) = (header, networks);
            match warning(&current_user, &credential, &settings, &form).await? {
                None => return set(&current_user, &credential, settings, &form.return_to).await,
                warning => Untaken { warning, ..Untaken::default() },
            }
        }
        (header, networks) => Untaken {
            header_error: header.err().map(|error| error.to_string()),
            networks_error: networks.err().map(|error| error.to_string()),
            warning: None,
        },
    };
    render(&current_user, (&credential, settings), form, untaken).await
}

async fn set(
    current_user: &SignedIn,
    credential: &Credential,
    settings: SenderSettings,
    return_to: &str,
) -> Result<HttpResponse, PageError> {
    let is_small = credential.settings.networks.len() <= MAX_TAKEN_BACK;
    let was = Some(credential.settings.clone()).filter(|was| is_small && *was != settings);
    if settings.lets_in_more_than(&credential.settings) {
        current_user.require_recent_password()?;
    }
    match set_sender_settings(current_user.on(credential.id, &current_user.act()), |_| settings).await {
        Ok(_) => {
            current_user.state().engine.verifier.forget_credential(credential.id);
            Ok(done(current_user, credential.id, return_to, CredentialNotice::SettingsSaved { was }))
        }
        Err(CredentialError::Revoked) => Ok(done(current_user, credential.id, "", CredentialNotice::Revoked)),
        Err(error) => Err(error.into()),
    }
}

/// What new networks would have refused of the latest events, unless the reader has been told so of just these.
async fn warning(
    current_user: &SignedIn,
    credential: &Credential,
    settings: &SenderSettings,
    form: &Form,
) -> Result<Option<String>, PageError> {
    if settings.networks == credential.settings.networks || form.warned_of.as_ref() == Some(&form.networks) {
        return Ok(None);
    }
    let mut conn = current_user.state().store.connection().await?;
    let since = current_user.now().saturating_sub(LOOKED_BACK).unwrap_or_else(|_| current_user.now());
    let owner = (current_user.member.account_id, credential.id);
    let (refused, all) = events::count_outside(&mut conn, owner, since, |ip| settings.allows(ip)).await?;
    let events = if all == 1 { "event" } else { "events" };
    Ok((refused > 0).then(|| {
        format!("You would have refused {} of the last {} {events}.", grouped(refused as u64), grouped(all as u64))
    }))
}

async fn render(
    current_user: &SignedIn,
    (credential, settings): (&Credential, SenderSettings),
    form: Form,
    untaken: Untaken,
) -> Result<HttpResponse, PageError> {
    let now = current_user.now();
    let Untaken { header_error, networks_error, warning } = untaken;
    let is_taken = header_error.is_none() && networks_error.is_none() && warning.is_none();
    let token = token_addresses::find(&mut *current_user.state().store.connection().await?, credential.id).await?;
    let name = escape_invisible(&credential.name).into_owned();
    let template = Show {
        page: current_user.page(&format!("Sender settings of {name}")).at("settings", "webhooks"),
        id: credential.id.to_string(),
        name,
        username: credential.username.clone(),
        settings,
        stored_once_by: form.stored_once_by,
        networks: form.networks,
        header_error,
        networks_error,
        warning,
        token_address: token.map(|token| TokenAddress {
            masked: masked(&token_address::KIND.prefixed(&token.hint)),
            created: When::ago(token.created_at, now),
            last_used: token.last_used_at.map(|at| When::ago(at, now)),
        }),
        new_id: Uuid::new_v4(),
    };
    let status = if is_taken { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(template.render()?))
}

/// The page that shows a token address, this once.
#[derive(Template)]
#[template(path = "token_address_created.html")]
struct Created {
    page: Page,
    id: String,
    name: String,
    /// Zeroised with the page.
    address: Secret,
}

#[derive(Deserialize)]
pub(crate) struct NewTokenAddress {
    /// The id of what the form makes.
    #[serde(default)]
    id: Option<String>,
}

/// `POST …/credentials/{id}/token-address`, behind the question for the password.
pub(crate) async fn make_address(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<NewTokenAddress>,
) -> Result<HttpResponse, PageError> {
    let id = id_on_pro(&current_user, &id)?;
    let (state, act) = (current_user.state(), current_user.act());
    let secret = SecretId(id_or_new(form.id.as_deref()));
    let token = match make_token_address(current_user.on(id, &act), &state.keys, secret).await {
        Ok(token) => token,
        Err(CredentialError::AlreadyIssued) => return Ok(done(&current_user, id, "", CredentialNotice::AddressShown)),
        Err(CredentialError::Revoked) => return Ok(done(&current_user, id, "", CredentialNotice::Revoked)),
        Err(error) => return Err(error.into()),
    };
    let credential = find(&current_user, &id.to_string()).await?;
    let template = Created {
        page: current_user.page("Token address").at("settings", "webhooks"),
        id: id.to_string(),
        name: escape_invisible(&credential.name).into_owned(),
        address: token_address::address(&token, &state.ingest_url),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(template.render()?))
}

/// `POST …/credentials/{id}/token-address-revocation`. To end something needs no plan.
pub(crate) async fn revoke_address(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = id_of(&id)?;
    revoke_token_address(current_user.on(id, &current_user.act())).await?;
    Ok(done(&current_user, id, "", CredentialNotice::AddressRevoked))
}
