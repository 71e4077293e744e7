//! `mail …`: whether mail works, and what became of the mails to users.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::checks::Check;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::config::checked::Config;
use crate::domain::email::Email;
use crate::domain::ids::MailId;
use crate::domain::mail_server::MailSecurity;
use crate::domain::time::rfc3339;
use crate::mail::smtp::Mailer;
use crate::mail::words::Words;
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::outgoing_mails::{self, MailRecord};

const OFF: &str = "no mail is sent: SMTP_URL, MAIL_FROM and PUBLIC_URL say how";

#[derive(Serialize)]
struct Sent<'a> {
    id: String,
    to: &'a str,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    to: String,
    kind: String,
    state: String,
    tries: i32,
    last_error: Option<String>,
    created_at: String,
    next_try_at: Option<String>,
}

/// Sends a mail to an address, at once and once.
pub(crate) async fn test(config: &Config, address: &str, now: Timestamp, json: bool) -> Result<(), CommandError> {
    let server = config.mail.as_ref().ok_or_else(|| CommandError::refused(OFF))?;
    let to: Email = address.parse().map_err(CommandError::refused)?;
    let id = MailId(random::uuid_at(now));
    let words = Words::of_test(&config.public_origin(config.bind), now);
    let not_sent = |error| CommandError::Refused(format!("the mail was not sent: {error}"));
    let mailer = Mailer::new(server).map_err(not_sent)?;
    mailer.send(to.as_str(), id, &words).await.map_err(not_sent)?;
    if json {
        return Ok(output::json(&Sent { id: id.to_string(), to: to.as_str() })?);
    }
    Ok(output::say(&format!("{} took the mail to {to}. Whether it arrives, its reader sees.", server.host))?)
}

/// Prints mails to users, newest first.
pub(crate) async fn list(store: &Store, before: Option<Uuid>, limit: usize, json: bool) -> Result<(), CommandError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mails = outgoing_mails::list(&mut *store.connection().await?, before.map(MailId), limit).await?;
    if json {
        let listed = |mail: MailRecord| Listed {
            id: mail.id.to_string(),
            to: mail.address,
            kind: mail.kind,
            state: mail.state,
            tries: mail.tries,
            last_error: mail.last_error,
            created_at: rfc3339(mail.created_at),
            next_try_at: mail.next_try_at.map(rfc3339),
        };
        return Ok(output::json(&mails.into_iter().map(listed).collect::<Vec<_>>())?);
    }
    if mails.is_empty() {
        return Ok(output::say("There are no mails. They are listed for 8 days.")?);
    }
    let row = |mail: MailRecord| {
        [
            mail.id.to_string(),
            rfc3339(mail.created_at),
            mail.address,
            mail.kind,
            mail.state,
            mail.tries.to_string(),
            mail.next_try_at.map(rfc3339).unwrap_or_default(),
            mail.last_error.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = mails.into_iter().map(row).collect();
    Ok(output::table(["ID", "MADE", "TO", "KIND", "IS", "TRIES", "NEXT TRY", "LAST ERROR"], &rows)?)
}

/// For `doctor`: whether the server lets the program in. Nothing is sent.
pub(crate) async fn check(config: &Config) -> Option<Check> {
    let server = config.mail.as_ref()?;
    let (host, port) = (&server.host, server.port);
    let entered = match Mailer::new(server) {
        Ok(mailer) => mailer.check().await,
        Err(error) => Err(error),
    };
    Some(match entered {
        Ok(()) => {
            let by = match server.security {
                MailSecurity::Tls => "TLS",
                MailSecurity::StartTls => "STARTTLS",
                MailSecurity::Plain => "no encryption",
            };
            let login = if server.login.is_some() { "signed in" } else { "without a sign-in" };
            Check::ok("mail", format!("mail: {host}:{port} lets the program in, with {by}, {login}"))
        }
        Err(error) => {
            let remedy = "check --smtp-url (SMTP_URL); mails wait for up to a day meanwhile";
            Check::fail("mail", format!("mail: {host}:{port}: {error}"), remedy)
        }
    })
}
