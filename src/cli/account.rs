//! `account …`: what the operator does to accounts.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::change_password::{Authority, change_password};
use crate::app::change_plan::change_plan;
use crate::app::create_account::{CreateAccountError, NewAccount, create_account};
use crate::app::delete_account::{delete_account, erase};
use crate::app::member_act::MemberAct;
use crate::app::set_retention::set_retention;
use crate::app::turn_off_second_factor::{Authority as TurnOff, turn_off_second_factor};
use crate::cli::account_limits;
use crate::cli::args::{AccountCommand, CreateAccount, PlanArg};
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::cli::sign_in_link::SignInLink;
use crate::domain::account::{Holdings, MOST_COUNTED, Member, Plan, account_name};
use crate::domain::account_limits::{SetLimits, WhenFull};
use crate::domain::account_password::{GENERATED_PASSWORD_LASTS, NewPassword};
use crate::domain::audit::Act;
use crate::domain::email::Email;
use crate::domain::retention::MAX_RETENTION_DAYS;
use crate::domain::secret::Secret;
use crate::domain::time::rfc3339;
use crate::hashing::Hasher;
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::{deleted_accounts, second_factors, users};

/// Characters of a generated password: 20 of 62, which is 119 bits.
const GENERATED_CHARS: usize = 20;

#[derive(Serialize)]
struct AccountRecord<'a> {
    id: String,
    email: &'a str,
    name: &'a str,
    plan: &'a str,
    created_at: String,
    /// Whether signing in takes a code as well.
    second_factor: bool,
    /// Only where it was generated here, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    /// Only where one was made here, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in_link: Option<&'a str>,
}

#[derive(Serialize)]
struct DeletionRecord<'a> {
    id: String,
    email: &'a str,
    credentials: u64,
    events: u64,
}

#[derive(Serialize)]
struct RetentionRecord<'a> {
    email: &'a str,
    /// `null`: as long as the installation.
    retention_days: Option<u32>,
}

impl<'a> AccountRecord<'a> {
    fn new(member: &'a Member, second_factor: bool) -> Self {
        Self {
            id: member.account_id.to_string(),
            email: &member.email,
            name: &member.name,
            plan: member.plan.as_str(),
            created_at: rfc3339(member.created_at),
            second_factor,
            password: None,
            sign_in_link: None,
        }
    }
}

/// `pages`: the origin of the pages, for links.
pub(crate) async fn run(command: AccountCommand, store: &Store, pages: &str, act: &Act) -> Result<(), CommandError> {
    match command {
        AccountCommand::Create(new) => create(store, act, new).await,
        AccountCommand::Delete { email, yes, json } => delete(store, act, &email, yes, json).await,
        AccountCommand::List { json } => list(store, json).await,
        AccountCommand::Plan { email, plan, json } => {
            let mut member = find(store, &email).await?;
            change_plan(store, &member, plan.into(), act).await?;
            member.plan = plan.into();
            if json {
                return Ok(output::json(&AccountRecord::new(&member, has_second_factor(store, &member).await?))?);
            }
            Ok(output::say(&format!("{} is on {} now.", member.email, member.plan.label()))?)
        }
        AccountCommand::Retention { email, days, json } => {
            let mut member = find(store, &email).await?;
            let days = retention_days(&days)?;
            set_retention(store, &member, days, act).await?;
            member.retention_days = days;
            if json {
                return Ok(output::json(&RetentionRecord { email: &member.email, retention_days: days })?);
            }
            let words = match days {
                Some(days) => format!(
                    "{} keeps events for {days} days now, or as long as the installation where that is shorter. Older ones \
                     are hidden at once and erased when their week is over.",
                    member.email
                ),
                None => format!("{} keeps events as long as the installation now.", member.email),
            };
            Ok(output::say(&words)?)
        }
        AccountCommand::Limits(wanted) => {
            let member = find(store, &wanted.email).await?;
            account_limits::run(store, act, member, &wanted).await
        }
        AccountCommand::Password { email, password_stdin, json } => {
            let member = find(store, &email).await?;
            let (new, generated) = new_password(password_stdin, &[&member.email, &member.name])?;
            let (hasher, expires_at) = (Hasher::new(1, 1), expiry(generated, act));
            change_password(
                MemberAct { store, member: &member, act },
                &hasher,
                &new,
                Authority::Operator { expires_at },
            )
            .await?;
            let sentence = "The password is changed and all sessions have ended.";
            let second_factor = has_second_factor(store, &member).await?;
            let link = SignInLink::make(MemberAct { store, member: &member, act }, pages).await?;
            let printed = Printed { generated: generated.then(|| new.secret()), link: Some(&link) };
            print_account(&member, second_factor, printed, json, sentence)
        }
        AccountCommand::SignInLink { email, json } => {
            let member = find(store, &email).await?;
            SignInLink::make(MemberAct { store, member: &member, act }, pages).await?.print(&member, json)
        }
        AccountCommand::RemoveSecondFactor { email, yes, json } => {
            remove_second_factor(store, act, &email, yes, json).await
        }
    }
}

/// `default`, or a number of days.
fn retention_days(text: &str) -> Result<Option<u32>, CommandError> {
    match text.parse() {
        _ if text == "default" => Ok(None),
        Ok(days) if (1..=MAX_RETENTION_DAYS).contains(&days) => Ok(Some(days)),
        _ => Err(CommandError::Refused(format!(
            "{text:?} is not a valid retention: say a number of days from 1 to {MAX_RETENTION_DAYS}, or default"
        ))),
    }
}

/// Deletes the account and stays until everything is erased; asked to end before that, it leaves the rest to the server's upkeep.
async fn delete(store: &Store, act: &Act, email: &str, yes: bool, json: bool) -> Result<(), CommandError> {
    let member = find(store, email).await?;
    let Holdings { credentials, events, .. } =
        deleted_accounts::holdings(&mut *store.connection().await?, member.account_id).await?;
    let email = &member.email;
    if !yes {
        let some = if events > MOST_COUNTED { format!("more than {MOST_COUNTED}") } else { events.to_string() };
        return Err(CommandError::Refused(format!(
            "nothing was deleted: {email} has {credentials} credentials and {some} events, which would be lost for good; \
             add --yes to delete them"
        )));
    }
    delete_account(store, &member, act).await?;
    let events = erase(store, member.account_id).await?;
    if json {
        return Ok(output::json(&DeletionRecord { id: member.account_id.to_string(), email, credentials, events })?);
    }
    let words = format!("The account {email} is deleted, with {credentials} credentials and {events} events.");
    Ok(output::say(&words)?)
}

async fn has_second_factor(store: &Store, member: &Member) -> Result<bool, CommandError> {
    Ok(second_factors::is_on(&mut *store.connection().await?, member.user_id).await?)
}

async fn remove_second_factor(
    store: &Store,
    act: &Act,
    email: &str,
    yes: bool,
    json: bool,
) -> Result<(), CommandError> {
    let member = find(store, email).await?;
    let email = &member.email;
    if !has_second_factor(store, &member).await? {
        return Err(CommandError::Refused(format!("two-step sign-in is off for {email}: there is nothing to remove")));
    }
    if !yes {
        return Err(CommandError::Refused(format!(
            "nothing was removed: make sure that it is {email} who asks, since the password alone signs in after this; \
             add --yes to turn two-step sign-in off and end all sessions"
        )));
    }
    turn_off_second_factor(store, &member, TurnOff::Operator, act).await?;
    if json {
        return Ok(output::json(&AccountRecord::new(&member, false))?);
    }
    Ok(output::say(&format!("Two-step sign-in is off for {email}, and all sessions have ended."))?)
}

/// The member with an address.
pub(crate) async fn find(store: &Store, email: &str) -> Result<Member, CommandError> {
    let address: Email = email.parse().map_err(CommandError::refused)?;
    let found = users::find_by_email(&mut *store.connection().await?, &address).await?;
    let (member, _) = found
        .ok_or_else(|| CommandError::Refused(format!("there is no account with {address}: see `account list`")))?;
    Ok(member)
}

async fn create(
    store: &Store,
    act: &Act,
    CreateAccount { email, name, plan, password_stdin, json }: CreateAccount,
) -> Result<(), CommandError> {
    let email: Email = email.parse().map_err(CommandError::refused)?;
    let (password, generated) = new_password(password_stdin, &[email.as_str()])?;
    let secret = password.secret().clone();
    let password_expires_at = expiry(generated, act);
    let new = NewAccount {
        email: email.clone(),
        name: name.clone(),
        plan: plan.into(),
        password,
        password_expires_at,
        is_set_up: false,
    };
    let (account_id, user_id) = match create_account(store, &Hasher::new(1, 1), new, act).await {
        Ok(ids) => ids,
        Err(CreateAccountError::Failed(failure)) => return Err(failure.into()),
        Err(CreateAccountError::EmailTaken) => {
            return Err(CommandError::Refused(format!("an account with {email} exists: see `account list`")));
        }
        Err(error @ CreateAccountError::AlreadySetUp) => return Err(CommandError::refused(error)),
    };
    let member = Member {
        user_id,
        account_id,
        email: email.as_str().to_owned(),
        email_is_confirmed: false,
        name: account_name(name.as_deref(), email.as_str()),
        plan: plan.into(),
        retention_days: None,
        set_limits: SetLimits::default(),
        when_full: WhenFull::default(),
        event_columns: String::new(),
        created_at: act.at,
        password_changed_at: act.at,
        password_expires_at,
        devices_known_since: act.at,
        has_second_factor: false,
    };
    let printed = Printed { generated: generated.then_some(&secret), link: None };
    print_account(&member, false, printed, json, "The account is created.")
}

/// What is printed of an account this once.
#[derive(Clone, Copy)]
struct Printed<'a> {
    generated: Option<&'a Secret>,
    link: Option<&'a SignInLink>,
}

fn print_account(
    member: &Member,
    second_factor: bool,
    once: Printed<'_>,
    json: bool,
    sentence: &str,
) -> Result<(), CommandError> {
    let printed = write_account(member, second_factor, once, json, sentence);
    printed.map_err(|source| match once.generated {
        None => CommandError::Terminal(source),
        Some(_) => CommandError::Unsaid {
            done: sentence.trim_end_matches('.').to_owned(),
            remedy: format!("account password {}", member.email),
            source,
        },
    })
}

fn write_account(
    member: &Member,
    second_factor: bool,
    Printed { generated, link }: Printed<'_>,
    json: bool,
    sentence: &str,
) -> io::Result<()> {
    if json {
        let record = AccountRecord {
            password: generated.map(Secret::reveal),
            sign_in_link: link.map(SignInLink::reveal),
            ..AccountRecord::new(member, second_factor)
        };
        return output::json(&record);
    }
    output::say(sentence)?;
    let mut facts = vec![("Email", member.email.as_str()), ("Plan", member.plan.label())];
    if second_factor {
        facts.push(("Two-step sign-in", "on, as before"));
    }
    if let Some(password) = generated {
        facts.push(("Password", password.reveal()));
    }
    if let Some(link) = link {
        facts.push(("Sign-in link", link.reveal()));
    }
    output::facts(&facts)?;
    if link.is_some() {
        output::say("The link works once, within 15 minutes, also while somebody guesses at the password.")?;
    }
    if generated.is_some() {
        output::say("Keep the password now: it is not shown again. Its user has 7 days to sign in and change it.")?;
    }
    Ok(())
}

async fn list(store: &Store, json: bool) -> Result<(), CommandError> {
    let conn = &mut *store.connection().await?;
    let (members, with_factor) = (users::list(conn).await?, second_factors::list_users(conn).await?);
    let is_on = |member: &Member| with_factor.contains(&member.user_id);
    if json {
        let records: Vec<_> = members.iter().map(|member| AccountRecord::new(member, is_on(member))).collect();
        return Ok(output::json(&records)?);
    }
    if members.is_empty() {
        return Ok(output::say("There are no accounts. Create one with `account create EMAIL`.")?);
    }
    let row = |m: &Member| {
        let two_step = if is_on(m) { "on" } else { "off" };
        [m.email.clone(), m.name.clone(), m.plan.to_string(), two_step.to_owned(), rfc3339(m.created_at)]
    };
    Ok(output::table(["EMAIL", "NAME", "PLAN", "TWO-STEP", "CREATED"], &members.iter().map(row).collect::<Vec<_>>())?)
}

/// Until when a password signs in that was generated here.
fn expiry(generated: bool, act: &Act) -> Option<Timestamp> {
    generated.then(|| act.at.saturating_add(GENERATED_PASSWORD_LASTS).unwrap_or(act.at))
}

/// The password to set, and whether it was generated here.
fn new_password(from_stdin: bool, owner: &[&str]) -> Result<(NewPassword, bool), CommandError> {
    let secret = if from_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().read_line(&mut line)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
    } else {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let indices = random::indices::<GENERATED_CHARS>(62)?;
        Secret::new(indices.iter().map(|i| char::from(ALPHABET[usize::from(*i)])).collect())
    };
    let password = NewPassword::check(secret, owner).map_err(CommandError::refused)?;
    Ok((password, !from_stdin))
}

impl From<PlanArg> for Plan {
    fn from(plan: PlanArg) -> Self {
        match plan {
            PlanArg::Pro => Plan::Pro,
            PlanArg::Free => Plan::Free,
        }
    }
}
