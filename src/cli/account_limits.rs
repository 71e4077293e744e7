//! `account limits`: what the operator lets an account have.

use serde::Serialize;

use crate::app::set_limits::set_limits;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::account::Member;
use crate::domain::account_limits::{Limits, MOST_CREDENTIALS, MOST_SESSIONS, SetLimits, WhenFull};
use crate::domain::audit::Act;
use crate::domain::grouped::grouped;
use crate::store::connection::pool::Store;

/// The arguments of `account limits`. Each limit is a number, or `default`.
#[derive(Debug, clap::Args)]
pub struct SetAccountLimits {
    /// The e-mail address of the account's user
    pub(crate) email: String,
    /// Credentials that are not revoked: a number, or default (100 on pro, 0 on free)
    #[arg(long, value_name = "N")]
    pub(crate) credentials: Option<String>,
    /// Browsers that are signed in: a number, or default (100)
    #[arg(long, value_name = "N")]
    pub(crate) sessions: Option<String>,
    /// Events that are stored: a number, or default (no limit)
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<String>,
    /// Bytes of their bodies and headers: a number, or default (no limit)
    #[arg(long, value_name = "N")]
    pub(crate) bytes: Option<String>,
    /// Set all of them back to the default of the account's plan
    #[arg(long, conflicts_with_all = ["credentials", "sessions", "events", "bytes"])]
    pub(crate) default: bool,
    /// Print JSON and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// The largest number that the database holds.
const MOST_STORED: u64 = i64::MAX as u64;

#[derive(Serialize)]
struct LimitsRecord<'a> {
    email: &'a str,
    plan: &'a str,
    credentials: u32,
    sessions: u32,
    /// `null`: no limit.
    events: Option<u64>,
    bytes: Option<u64>,
    /// What the account has chosen.
    when_full: WhenFull,
    /// What was set here; `null` where the plan's default holds.
    set: SetLimits,
}

/// Sets what was said, and prints what holds then.
pub(crate) async fn run(
    store: &Store,
    act: &Act,
    mut member: Member,
    wanted: &SetAccountLimits,
) -> Result<(), CommandError> {
    let set = wanted_limits(wanted, member.set_limits)?;
    set_limits(store, &member, set, act).await?;
    member.set_limits = set;
    let Limits { credentials, sessions, storage } = member.limits();
    let email = &member.email;
    if wanted.json {
        let (plan, when_full) = (member.plan.as_str(), member.when_full);
        let (events, bytes) = (storage.events, storage.bytes);
        return Ok(output::json(&LimitsRecord { email, plan, credentials, sessions, events, bytes, when_full, set })?);
    }
    let most = |most: u64, what: &str| format!("{} {what}{}", grouped(most), if most == 1 { "" } else { "s" });
    let stored = |limit: Option<u64>, what: &str| match limit {
        Some(limit) => most(limit, what),
        None => format!("any number of {what}s"),
    };
    let (events, bytes) = (stored(storage.events, "event"), stored(storage.bytes, "byte"));
    let (credentials, browsers) = (most(credentials.into(), "credential"), most(sessions.into(), "signed-in browser"));
    Ok(output::say(&format!("{email} may have {credentials} and {browsers}, and store {events} and {bytes}."))?)
}

fn wanted_limits(wanted: &SetAccountLimits, before: SetLimits) -> Result<SetLimits, CommandError> {
    if wanted.default {
        return Ok(SetLimits::default());
    }
    let small = |number: Option<u64>| number.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let limit = |name, text: &Option<String>, before: Option<u64>, least, most| match text {
        Some(text) => parsed(name, text, least, most),
        None => Ok(before),
    };
    let credentials = before.credentials.map(u64::from);
    let sessions = before.sessions.map(u64::from);
    Ok(SetLimits {
        credentials: small(limit("credentials", &wanted.credentials, credentials, 0, u64::from(MOST_CREDENTIALS))?),
        sessions: small(limit("sessions", &wanted.sessions, sessions, 1, u64::from(MOST_SESSIONS))?),
        events: limit("events", &wanted.events, before.events, 1, MOST_STORED)?,
        bytes: limit("bytes", &wanted.bytes, before.bytes, 1, MOST_STORED)?,
    })
}

/// `default`, or a number.
fn parsed(name: &str, text: &str, least: u64, most: u64) -> Result<Option<u64>, CommandError> {
    match text.parse() {
        _ if text == "default" => Ok(None),
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(CommandError::Refused(format!(
            "--{name}: {text:?} is not a limit: say a number from {least} to {most}, or default"
        ))),
    }
}
