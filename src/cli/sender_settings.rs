//! `credential set`: what a credential accepts beyond the default.

use ipnet::IpNet;
use serde::Serialize;

use crate::app::credential_act::CredentialAct;
use crate::app::set_sender_settings::set_sender_settings;
use crate::cli::args::SettingsArgs;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::sender_settings::{HeaderName, SenderSettings, parse_networks};

#[derive(Serialize)]
struct Printed<'a> {
    username: &'a str,
    any_content_type: bool,
    gzip: bool,
    batches: bool,
    dedupe_header: Option<&'a str>,
    networks: Vec<String>,
    put: bool,
}

/// What is to be another way; what is `None` stays as it is, and is left out of what the API is told.
#[derive(Serialize)]
pub(crate) struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    any_content_type: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_bodies: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batches: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    put_as_post: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_once_by: Option<Option<HeaderName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<IpNet>>,
}

impl Chosen {
    pub(crate) fn read(args: &SettingsArgs) -> Result<Self, CommandError> {
        let stored_once_by = match args.dedupe_header.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(name) => Some(Some(name.parse::<HeaderName>().map_err(CommandError::refused)?)),
        };
        let networks = match args.networks.as_deref() {
            None => None,
            Some("any") => Some(Vec::new()),
            Some(list) => Some(parse_networks(list).map_err(CommandError::refused)?),
        };
        let SettingsArgs { any_content_type, gzip: compressed_bodies, batches, put: put_as_post, .. } = *args;
        Ok(Self { any_content_type, compressed_bodies, batches, put_as_post, stored_once_by, networks })
    }
}

/// Chooses what is given, and prints how all stand then.
pub(crate) async fn set(
    on: CredentialAct<'_>,
    username: &str,
    args: SettingsArgs,
    json: bool,
) -> Result<(), CommandError> {
    let chosen = Chosen::read(&args)?;
    let settings = set_sender_settings(on, |now| SenderSettings {
        any_content_type: chosen.any_content_type.unwrap_or(now.any_content_type),
        compressed_bodies: chosen.compressed_bodies.unwrap_or(now.compressed_bodies),
        batches: chosen.batches.unwrap_or(now.batches),
        put_as_post: chosen.put_as_post.unwrap_or(now.put_as_post),
        stored_once_by: chosen.stored_once_by.unwrap_or(now.stored_once_by),
        networks: chosen.networks.unwrap_or(now.networks),
    })
    .await?;
    print(username, &settings, json)
}

pub(crate) fn print(username: &str, settings: &SenderSettings, json: bool) -> Result<(), CommandError> {
    let dedupe_header = settings.stored_once_by.as_ref().map(HeaderName::as_str);
    let networks: Vec<String> = settings.networks.iter().map(ToString::to_string).collect();
    if json {
        let SenderSettings { any_content_type, compressed_bodies, batches, put_as_post, .. } = *settings;
        let (gzip, put) = (compressed_bodies, put_as_post);
        let printed = Printed { username, any_content_type, gzip, batches, dedupe_header, networks, put };
        return Ok(output::json(&printed)?);
    }
    let word = |is_on| if is_on { "on" } else { "off" };
    let any = if networks.is_empty() { "any".to_owned() } else { networks.join(", ") };
    Ok(output::facts(&[
        ("Any content type", word(settings.any_content_type)),
        ("Compressed bodies", word(settings.compressed_bodies)),
        ("Batches", word(settings.batches)),
        ("Stored once by", dedupe_header.unwrap_or("none")),
        ("Networks", &any),
        ("PUT", word(settings.put_as_post)),
    ])?)
}
