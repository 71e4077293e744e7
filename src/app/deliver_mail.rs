//! Delivers mails from the outbox. A mail is claimed, handed over, and noted as sent; a program that is killed in between sends it again,
//! with the same Message-ID, and none is lost.

use crate::clock::Clock;
use crate::domain::installation::InstallationKeys;
use crate::domain::mail::{DueMail, MAX_TRIES, link_token};
use crate::mail::smtp::{Mailer, NotSent};
use crate::mail::words::Words;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::outgoing_mails;

/// What came of a look for a mail that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    NothingDue,
    Sent,
    /// The try failed, and there is another one.
    Retried,
    /// For good.
    Failed,
}

/// Sends one mail, if one is due, with links to an origin.
pub(crate) async fn deliver_next(
    store: &Store,
    (mailer, origin): (&Mailer, &str),
    keys: &InstallationKeys,
    clock: &Clock,
) -> Result<Delivery, StoreError> {
    let now = clock.now();
    let due = outgoing_mails::claim(&mut *store.background_connection().await?, now).await?;
    let Some(due) = due else { return Ok(Delivery::NothingDue) };
    let tried = match due.is_too_late(now) {
        Some(words) => Err(NotSent { words: words.to_owned(), is_final: true }),
        // No connection is held meanwhile.
        None => mailer.send(&due.address, due.id, &Words::of(&due, origin, keys)).await,
    };
    note(store, &due, tried.map_err(|error| error.without(&link_token(keys, due.id)))).await
}

async fn note(store: &Store, due: &DueMail, tried: Result<(), NotSent>) -> Result<Delivery, StoreError> {
    let conn = &mut *store.background_connection().await?;
    let Err(NotSent { words, is_final }) = tried else {
        outgoing_mails::note_sent(conn, due).await?;
        return Ok(Delivery::Sent);
    };
    let is_final = is_final || due.tries >= MAX_TRIES;
    let (kind, tries) = (due.mail.kind(), due.tries);
    tracing::warn!(mail = %due.id, kind, tries, is_final, "a mail was not sent; `mail list` says why");
    outgoing_mails::note_error(conn, due, &words, is_final).await?;
    Ok(if is_final { Delivery::Failed } else { Delivery::Retried })
}
