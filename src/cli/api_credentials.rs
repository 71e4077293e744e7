//! `credential …` over the API: what the token's user may do to the credentials that it sees.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::args::CredentialCommand;
use crate::cli::credential::{Created, Listed, Rotated, print_change, print_created, print_list, print_rotated};
use crate::cli::failure::CommandError;
use crate::cli::sender_settings::{self, Chosen};
use crate::client::api::{ApiClient, Parameters};
use crate::clock::Clock;
use crate::domain::credential::{CredentialName, Username};
use crate::domain::expiry::parse_choice;
use crate::domain::sender_settings::SenderSettings;
use crate::domain::time::rfc3339;

#[derive(Serialize)]
struct New<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    credentials: Vec<T>,
}

/// What acts on a credential need to know of it.
#[derive(Deserialize)]
pub(crate) struct Found {
    pub(crate) id: String,
    username: String,
    state: String,
    settings: SenderSettings,
}

#[derive(Deserialize)]
struct NewPassword {
    password: String,
    old: Option<OldPassword>,
}

#[derive(Deserialize)]
struct OldPassword {
    ends_at: String,
}

pub(crate) async fn run(command: CredentialCommand, api: &ApiClient) -> Result<(), CommandError> {
    match command {
        CredentialCommand::Create { name, expires, json, .. } => create(api, &name, &expires, json).await,
        CredentialCommand::List { json, .. } => {
            let all: List<Listed> = api.get("/credentials", &Parameters::new()).await?;
            let none = "There are no credentials that the API token may see. Create one with `credential create NAME`.";
            print_list(&all.credentials, none, json)
        }
        CredentialCommand::Rotate { username, overlap, json } => {
            let path = format!("/credentials/{}/rotation", find(api, &username).await?.id);
            let new: NewPassword = api.send(Method::POST, &path, &json!({ "overlap": overlap })).await?;
            let previous_expires_at = new.old.map(|old| old.ends_at);
            print_rotated(&Rotated { username: &username, password: &new.password, previous_expires_at }, json)
        }
        CredentialCommand::Revoke { username, json } => {
            let path = format!("/credentials/{}/revocation", find(api, &username).await?.id);
            let revoked: Found = api.send(Method::POST, &path, &json!({ "username": username })).await?;
            print_change(&username, &revoked.state, json)
        }
        CredentialCommand::Disable { username, json } => switch(api, &username, true, json).await,
        CredentialCommand::Enable { username, json } => switch(api, &username, false, json).await,
        CredentialCommand::Set { username, settings, json } => {
            let chosen = serde_json::to_value(Chosen::read(&settings)?).unwrap_or_default();
            let mut found = find(api, &username).await?;
            if chosen.as_object().is_some_and(|chosen| !chosen.is_empty()) {
                found = change(api, &found, &json!({ "settings": chosen })).await?;
            }
            sender_settings::print(&username, &found.settings, json)
        }
        CredentialCommand::Extend { .. } | CredentialCommand::Check { .. } | CredentialCommand::Address { .. } => {
            Err(CommandError::refused("this cannot be done over the API"))
        }
    }
}

async fn create(api: &ApiClient, name: &str, expires: &str, json: bool) -> Result<(), CommandError> {
    let name: CredentialName = name.parse().map_err(CommandError::refused)?;
    let end = parse_choice(expires, Clock::system().now()).map_err(CommandError::refused)?;
    let new = New { name: name.as_str(), expires_at: end.map(rfc3339) };
    let created: Created = api.send(Method::POST, "/credentials", &new).await?;
    print_created(&created, json)
}

pub(crate) async fn find(api: &ApiClient, username: &str) -> Result<Found, CommandError> {
    let _: Username = username.parse().map_err(CommandError::refused)?;
    let all: List<Found> = api.get("/credentials", &Parameters::new()).await?;
    all.credentials.into_iter().find(|one| one.username == username).ok_or_else(|| {
        let words = format!("there is no credential {username} that the API token may see: see `credential list`");
        CommandError::Refused(words)
    })
}

async fn change(api: &ApiClient, found: &Found, patch: &serde_json::Value) -> Result<Found, CommandError> {
    Ok(api.send(Method::PATCH, &format!("/credentials/{}", found.id), patch).await?)
}

async fn switch(api: &ApiClient, username: &str, disabled: bool, json: bool) -> Result<(), CommandError> {
    let changed = change(api, &find(api, username).await?, &json!({ "disabled": disabled })).await?;
    print_change(username, &changed.state, json)
}
