//! `token …`: API tokens of an account, for who runs the server. A token is printed once, here too.

use serde::Serialize;
use uuid::Uuid;

use crate::app::api_tokens::{ApiTokenAct, ApiTokenError, create_api_token, revoke_api_token};
use crate::app::member_act::MemberAct;
use crate::cli::account;
use crate::cli::args::{CreateToken, TokenCommand};
use crate::cli::credential::Context;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::account::Member;
use crate::domain::api_token::{ApiToken, KIND, TokenGrant, parse_lifetime, parse_name, words};
use crate::domain::ids::{ApiTokenId, CredentialId};
use crate::domain::masked::masked;
use crate::domain::sender_settings::parse_networks;
use crate::domain::time::rfc3339;
use crate::store::tables::{api_tokens, credentials};

#[derive(Serialize)]
struct Created<'a> {
    id: String,
    name: &'a str,
    token: &'a str,
    scopes: Vec<&'a str>,
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    name: &'a str,
    hint: String,
    scopes: Vec<&'a str>,
    state: &'a str,
    created_at: String,
    created_by: &'a str,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    last_used_ip: Option<String>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    id: &'a str,
    state: &'a str,
}

pub(crate) async fn run(command: TokenCommand, context: &Context<'_>) -> Result<(), CommandError> {
    match command {
        TokenCommand::Create(create_args) => create(context, create_args).await,
        TokenCommand::List { email, json } => list(context, &email, json).await,
        TokenCommand::Revoke { id, json } => revoke(context, &id, json).await,
    }
}

async fn create(context: &Context<'_>, args: CreateToken) -> Result<(), CommandError> {
    let Context { store, keys, act, .. } = context;
    let member = account::find(store, &args.email).await?;
    let grant = grant(context, &args, &member).await?;
    let id = ApiTokenId(Uuid::new_v4());
    let value = create_api_token(MemberAct { store, member: &member, act }, keys, id, &grant).await?;
    let expires_at = grant.lifetime.map(|lifetime| rfc3339(act.at + lifetime));
    let (name, token) = (grant.name.as_str(), value.secret().reveal());
    let printed = if args.json {
        let scopes = grant.scopes.iter().map(|scope| scope.as_str()).collect();
        output::json(&Created { id: id.to_string(), name, token, scopes, expires_at })
    } else {
        let expires = expires_at.unwrap_or_else(|| "never".to_owned());
        output::facts(&[("Token", token), ("May", &words(&grant.scopes)), ("Expires", &expires)])
            .and_then(|()| output::say("Keep the token now: it is not shown again."))
    };
    printed.map_err(|source| CommandError::Unsaid {
        done: format!("the API token {name} is created"),
        remedy: format!("token revoke {id}"),
        source,
    })
}

async fn grant(context: &Context<'_>, args: &CreateToken, member: &Member) -> Result<TokenGrant, CommandError> {
    let owned = credentials::list(&mut *context.store.connection().await?, member.account_id).await?;
    let id_of = |username: &String| -> Result<CredentialId, CommandError> {
        let found = owned.iter().find(|credential| credential.username == *username && credential.revoked_at.is_none());
        let unknown = || CommandError::Refused(format!("{} has no credential {username}", member.email));
        found.map(|credential| credential.id).ok_or_else(unknown)
    };
    let mut scopes =
        args.scopes.iter().map(|scope| scope.parse()).collect::<Result<Vec<_>, _>>().map_err(CommandError::refused)?;
    scopes.sort_unstable();
    scopes.dedup();
    Ok(TokenGrant {
        name: parse_name(&args.name).map_err(CommandError::refused)?,
        scopes,
        credentials: args.credential.iter().map(id_of).collect::<Result<_, _>>()?,
        networks: parse_networks(args.networks.as_deref().unwrap_or_default()).map_err(CommandError::refused)?,
        lifetime: parse_lifetime(&args.expires).map_err(CommandError::refused)?,
    })
}

async fn list(context: &Context<'_>, email: &str, json: bool) -> Result<(), CommandError> {
    let member = account::find(context.store, email).await?;
    let now = context.act.at;
    let all = api_tokens::list(&mut *context.store.connection().await?, member.account_id, now).await?;
    if json {
        let listed = |(token, by): &'_ (ApiToken, String)| -> serde_json::Value {
            let record = Listed {
                id: token.id.to_string(),
                name: &token.name,
                hint: KIND.prefixed(token.hint()),
                scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
                state: token.state(now).as_str(),
                created_at: rfc3339(token.created_at),
                created_by: by,
                expires_at: token.expires_at.map(rfc3339),
                last_used_at: token.last_used_at.map(rfc3339),
                last_used_ip: token.last_used_ip.map(|ip| ip.to_string()),
            };
            serde_json::to_value(&record).unwrap_or_default()
        };
        return Ok(output::json(&all.iter().map(listed).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        let hint = format!(
            "{} has no API tokens. Create one with `token create {0} NAME --scopes events:read`.",
            member.email
        );
        return Ok(output::say(&hint)?);
    }
    let row = |(token, _): &(ApiToken, String)| {
        [
            token.id.to_string(),
            token.name.clone(),
            masked(&KIND.prefixed(token.hint())),
            words(&token.scopes),
            token.state(now).as_str().to_owned(),
            token.expires_at.map_or_else(|| "never".to_owned(), rfc3339),
            token.last_used_at.map_or_else(|| "never".to_owned(), rfc3339),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(output::table(["ID", "NAME", "TOKEN", "MAY", "IS", "EXPIRES", "LAST USED"], &rows)?)
}

async fn revoke(context: &Context<'_>, id: &str, json: bool) -> Result<(), CommandError> {
    let unknown = || CommandError::Refused(format!("there is no API token {id}: see `token list EMAIL`"));
    let token: ApiTokenId = id.parse().map_err(|_| unknown())?;
    let account = api_tokens::find_owner(&mut *context.store.connection().await?, token).await?.ok_or_else(unknown)?;
    match revoke_api_token(ApiTokenAct { store: context.store, account, id: token, act: context.act }).await {
        Ok(()) if json => Ok(output::json(&Revoked { id, state: "revoked" })?),
        Ok(()) => Ok(output::say(&format!("The API token {id} is revoked."))?),
        Err(ApiTokenError::NotFound) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}
