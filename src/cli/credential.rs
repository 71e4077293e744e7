//! `credential …`: what the operator does to credentials. A password is printed once, here too.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::extend_overlap::extend_overlap;
use crate::app::issue_credential::issue_credential;
use crate::app::revoke_credential::revoke_credential;
use crate::app::rotate_credential::{Lost, rotate_credential};
use crate::app::switch_credential::{Switch, switch_credential};
use crate::app::token_address::{make_token_address, revoke_token_address};
use crate::cli::account;
use crate::cli::args::CredentialCommand;
use crate::cli::ended::Ended;
use crate::cli::failure::CommandError;
use crate::cli::{leaks, output, sender_settings};
use crate::domain::audit::Act;
use crate::domain::credential::{Credential, CredentialName, PasswordRecord, Username};
use crate::domain::expiry::parse_choice;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::installation::InstallationKeys;
use crate::domain::overlap::Overlap;
use crate::domain::time::rfc3339;
use crate::domain::token_address;
use crate::hashing::Hasher;
use crate::store::connection::pool::Store;
use crate::store::tables::credentials;

/// A new credential, from here or from the API.
#[derive(Deserialize, Serialize)]
pub(crate) struct Created {
    id: String,
    name: String,
    username: String,
    password: String,
    ingest_url: String,
}

#[derive(Serialize)]
pub(crate) struct Rotated<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) previous_expires_at: Option<String>,
}

#[derive(Serialize)]
struct Addressed<'a> {
    username: &'a str,
    address: &'a str,
}

#[derive(Serialize)]
struct Extended<'a> {
    username: &'a str,
    previous_expires_at: String,
}

#[derive(Serialize)]
struct Changed<'a> {
    username: &'a str,
    state: &'a str,
}

/// A credential as it is listed, from here or from the API.
#[derive(Deserialize, Serialize)]
pub(crate) struct Listed {
    id: String,
    name: String,
    username: String,
    state: String,
    created_at: String,
    passwords: Vec<ListedPassword>,
}

#[derive(Deserialize, Serialize)]
struct ListedPassword {
    hint: String,
    state: String,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    last_used_ip: Option<String>,
}

/// What the commands need beside the database.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) keys: &'a InstallationKeys,
    pub(crate) ingest_url: &'a str,
    pub(crate) act: &'a Act,
}

impl<'a> Context<'a> {
    fn on(&self, account: AccountId, id: CredentialId) -> CredentialAct<'a> {
        CredentialAct { store: self.store, account, id, act: self.act }
    }
}

pub(crate) async fn run(command: CredentialCommand, context: Context<'_>) -> Result<Ended, CommandError> {
    match command {
        CredentialCommand::Check { json } => {
            return leaks::check(context.store, context.keys, context.act.at, json).await;
        }
        CredentialCommand::Create { email, name, expires, json } => {
            create(&context, &email.unwrap_or_default(), (&name, &expires), json).await
        }
        CredentialCommand::List { email, json } => list(&context, &email.unwrap_or_default(), json).await,
        CredentialCommand::Rotate { username, overlap, json } => rotate(&context, &username, &overlap, json).await,
        CredentialCommand::Extend { username, json } => extend(&context, &username, json).await,
        CredentialCommand::Revoke { username, json } => revoke(&context, &username, json).await,
        CredentialCommand::Disable { username, json } => switch(&context, &username, Switch::Disable, json).await,
        CredentialCommand::Set { username, settings, json } => {
            sender_settings::set(find(&context, &username).await?, &username, settings, json).await
        }
        CredentialCommand::Address { username, revoke, json } => {
            let on = find(&context, &username).await?;
            if revoke {
                revoke_token_address(on).await?;
                print_change(&username, "without a token address", json)
            } else {
                address(&context, on, &username, json).await
            }
        }
        CredentialCommand::Enable { username, json } => switch(&context, &username, Switch::Enable, json).await,
    }?;
    Ok(Ended::Well)
}

async fn create(
    context: &Context<'_>,
    email: &str,
    (name, expires): (&str, &str),
    json: bool,
) -> Result<(), CommandError> {
    let name: CredentialName = name.parse().map_err(CommandError::refused)?;
    let end = parse_choice(expires, context.act.at).map_err(CommandError::refused)?;
    let member = account::find(context.store, email).await?;
    let Context { keys, ingest_url, .. } = context;
    let on = context.on(member.account_id, CredentialId(Uuid::new_v4()));
    let issued = issue_credential(on, (&Hasher::new(1, 1), keys), (name, None), end, None).await?;
    if !member.plan.includes_webhooks() {
        eprintln!("note: {} is on the Free plan, so its senders get 403 until `account plan {0} pro`", member.email);
    }
    let created = Created {
        id: issued.id.to_string(),
        name: issued.name.as_str().to_owned(),
        username: issued.username.as_str().to_owned(),
        password: issued.password.secret().reveal().to_owned(),
        ingest_url: (*ingest_url).to_owned(),
    };
    print_created(&created, json)
}

/// The one time that the password is seen.
pub(crate) fn print_created(created: &Created, json: bool) -> Result<(), CommandError> {
    let Created { username, password, ingest_url, .. } = created;
    let printed = if json {
        output::json(created)
    } else {
        output::facts(&[("Endpoint", ingest_url), ("Username", username), ("Password", password)])
            .and_then(|()| output::say("Keep the password now: it is not shown again."))
    };
    printed.map_err(|source| unsaid(username, "is created", source))
}

/// The new password of a credential exists, and nobody has seen it.
fn unsaid(username: &str, what: &str, source: std::io::Error) -> CommandError {
    let (done, remedy) = (format!("{username} {what}"), format!("credential rotate {username} --overlap now"));
    CommandError::Unsaid { done, remedy, source }
}

async fn list(context: &Context<'_>, email: &str, json: bool) -> Result<(), CommandError> {
    let member = account::find(context.store, email).await?;
    let all = credentials::list_all(&mut *context.store.connection().await?, member.account_id).await?;
    let now = context.act.at;
    let listed = |credential: &Credential| Listed {
        id: credential.id.to_string(),
        name: credential.name.clone(),
        username: credential.username.clone(),
        state: credential.state(now).as_str().to_owned(),
        created_at: rfc3339(credential.created_at),
        passwords: credential.passwords.iter().map(|password| listed_password(password, now)).collect(),
    };
    let none = format!("{} has no credentials. Create one with `credential create {0} NAME`.", member.email);
    print_list(&all.iter().map(listed).collect::<Vec<_>>(), &none, json)
}

/// `none` is said where there are none.
pub(crate) fn print_list(all: &[Listed], none: &str, json: bool) -> Result<(), CommandError> {
    if json {
        return Ok(output::json(&all)?);
    }
    if all.is_empty() {
        return Ok(output::say(none)?);
    }
    let mut rows = Vec::new();
    for credential in all {
        for password in &credential.passwords {
            rows.push([
                credential.username.clone(),
                credential.name.clone(),
                credential.state.clone(),
                format!("rwp_{}…", password.hint),
                password.state.clone(),
                password.expires_at.clone().unwrap_or_default(),
                password.last_used_at.clone().unwrap_or_else(|| "never".to_owned()),
            ]);
        }
    }
    Ok(output::table(["USERNAME", "NAME", "STATE", "PASSWORD", "IS", "EXPIRES", "LAST USED"], &rows)?)
}

fn listed_password(password: &PasswordRecord, now: jiff::Timestamp) -> ListedPassword {
    ListedPassword {
        hint: password.hint.clone(),
        state: password.state(now).as_str().to_owned(),
        created_at: rfc3339(password.created_at),
        expires_at: password.expires_at.map(rfc3339),
        last_used_at: password.last_used_at.map(rfc3339),
        last_used_ip: password.last_used_ip.map(|ip| ip.to_string()),
    }
}

/// An act on the credential with a username.
async fn find<'a>(context: &Context<'a>, username: &str) -> Result<CredentialAct<'a>, CommandError> {
    let username: Username = username.parse().map_err(CommandError::refused)?;
    let found = credentials::find_owner(&mut *context.store.connection().await?, &username).await?;
    let unknown = || CommandError::Refused(format!("there is no credential {username}: see `credential list EMAIL`"));
    let (account, id) = found.ok_or_else(unknown)?;
    Ok(context.on(account, id))
}

async fn rotate(context: &Context<'_>, username: &str, overlap: &str, json: bool) -> Result<(), CommandError> {
    let overlap: Overlap = overlap.parse().map_err(CommandError::refused)?;
    let on = find(context, username).await?;
    let secret = SecretId(Uuid::new_v4());
    let rotated = match rotate_credential(on, (&Hasher::new(1, 1), context.keys), (secret, overlap), Lost::Never).await
    {
        Ok(rotated) => rotated,
        Err(CredentialError::TwoPasswordsLive(frees)) => {
            let words = format!(
                "two passwords of {username} work already: the old one stops at {}; until then only --overlap now is \
                 possible, which stops both",
                rfc3339(frees)
            );
            return Err(CommandError::Refused(words));
        }
        Err(error) => return Err(error.into()),
    };
    let password = rotated.password.secret().reveal();
    let previous_expires_at = rotated.previous_expires_at.map(rfc3339);
    print_rotated(&Rotated { username, password, previous_expires_at }, json)
}

/// The one time that the password is seen.
pub(crate) fn print_rotated(rotated: &Rotated<'_>, json: bool) -> Result<(), CommandError> {
    let Rotated { username, password, previous_expires_at } = rotated;
    let outcome = match previous_expires_at {
        Some(end) => format!("The old password works until {end}."),
        None => "The old password has stopped.".to_owned(),
    };
    let printed = if json {
        output::json(rotated)
    } else {
        output::facts(&[("Username", username), ("Password", password)])
            .and_then(|()| output::say("Keep the password now: it is not shown again."))
            .and_then(|()| output::say(&outcome))
    };
    printed.map_err(|source| unsaid(username, "is rotated", source))
}

async fn address(context: &Context<'_>, on: CredentialAct<'_>, username: &str, json: bool) -> Result<(), CommandError> {
    let token = make_token_address(on, context.keys, SecretId(Uuid::new_v4())).await?;
    let address = token_address::address(&token, context.ingest_url);
    let printed = if json {
        output::json(&Addressed { username, address: address.reveal() })
    } else {
        output::facts(&[("Username", username), ("Address", address.reveal())])
            .and_then(|()| output::say("Keep the address now: it is not shown again."))
    };
    printed.map_err(|source| CommandError::Unsaid {
        done: format!("{username} has a new token address"),
        remedy: format!("credential address {username}"),
        source,
    })
}

async fn extend(context: &Context<'_>, username: &str, json: bool) -> Result<(), CommandError> {
    let end = rfc3339(extend_overlap(find(context, username).await?).await?);
    if json {
        return Ok(output::json(&Extended { username, previous_expires_at: end })?);
    }
    Ok(output::say(&format!("The old password works until {end}."))?)
}

async fn revoke(context: &Context<'_>, username: &str, json: bool) -> Result<(), CommandError> {
    revoke_credential(find(context, username).await?).await?;
    print_change(username, "revoked", json)
}

async fn switch(context: &Context<'_>, username: &str, way: Switch, json: bool) -> Result<(), CommandError> {
    let on = find(context, username).await?;
    switch_credential(on, way).await?;
    let found = credentials::find(&mut *context.store.connection().await?, on.account, on.id).await?;
    let state = found.map_or("revoked", |credential| credential.state(context.act.at).as_str());
    print_change(username, state, json)
}

/// What has become of a credential.
pub(crate) fn print_change(username: &str, state: &str, json: bool) -> Result<(), CommandError> {
    if json {
        return Ok(output::json(&Changed { username, state })?);
    }
    Ok(output::say(&format!("{username} is {state}."))?)
}
