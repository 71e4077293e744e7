//! Gives a credential a new password and lets the old one work for a while, or not.

use jiff::Timestamp;

use crate::app::discard_held_events::discard_until;
use crate::app::end_expired::end_expired;
use crate::app::failure::{Failure, carries_failure};
use crate::app::generate_password::generate_password;
use crate::domain::audit::{Act, Action};
use crate::domain::credential::{Credential, Username};
use crate::domain::credential_password::CredentialPassword;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::installation::InstallationKeys;
use crate::domain::overlap::Overlap;
use crate::domain::time::full;
use crate::hashing::Hasher;
use crate::store::error::StoreError;
use crate::store::pool::{Connection, Store};
use crate::store::{audit, credential_secrets, credentials};

/// The new password, this once, and when the one before it stops; `None` when it has stopped.
#[derive(Debug)]
pub struct Rotated {
    pub credential: Credential,
    pub password: CredentialPassword,
    pub previous_expires_at: Option<Timestamp>,
}

/// Why the passwords stayed as they were.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("there is no such credential")]
    NotFound,
    #[error("this credential is revoked; create a new one")]
    Revoked,
    /// The same form was sent before, and its password was shown then.
    #[error("this rotation has been done already")]
    AlreadyRotated,
    /// Two passwords work, and a third may not.
    #[error("two passwords of this credential work already; the old one stops at {0}, or stop it now")]
    TwoPasswordsLive(Timestamp),
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(RotateError);

/// How often a colliding hint is drawn again. One in 14 million collides for each password there is.
const MAX_DRAWS: u32 = 3;

/// Rotates. `secret` is an id that the form carries, so that sending the form twice rotates once.
#[expect(clippy::too_many_arguments, reason = "each is a different thing, and a struct would be taken apart at once")]
pub async fn rotate_credential(
    store: &Store,
    hasher: &Hasher,
    keys: &InstallationKeys,
    account: AccountId,
    id: CredentialId,
    secret: SecretId,
    overlap: Overlap,
    act: &Act,
) -> Result<Rotated, RotateError> {
    let found = credentials::find(&mut *store.connection().await?, account, id).await?;
    let username: Username = found
        .ok_or(RotateError::NotFound)?
        .username
        .parse()
        .map_err(|_| StoreError::Unreadable("a username".to_owned()))?;
    let mut draws = 0;
    loop {
        let generated = generate_password(hasher, keys, &username).await.map_err(RotateError::Failed)?;
        let attempt = store
            .transaction(async |conn| {
                let credential = credentials::find_locked(conn, account, id).await?.ok_or(RotateError::NotFound)?;
                if credential.revoked_at.is_some() {
                    return Err(RotateError::Revoked);
                }
                if credential.passwords.iter().any(|password| password.id == secret) {
                    return Err(RotateError::AlreadyRotated);
                }
                end_expired(conn, Some(id), act.at).await?;
                let previous_expires_at = make_room(conn, account, &credential, overlap, act).await?;
                let Some(slot) = credential_secrets::free_slot(conn, id).await? else {
                    let frees_at = credential.expiring(act.at).and_then(|p| p.expires_at).unwrap_or(act.at);
                    return Err(RotateError::TwoPasswordsLive(frees_at));
                };
                let hint = generated.password.hint();
                credential_secrets::insert(conn, secret, id, hint, &generated.hash, slot, act.at).await?;
                let (action, subject) = (Action::CredentialRotated, credential.username.clone());
                let detail = match previous_expires_at {
                    Some(end) => format!("the old password works until {}", full(end)),
                    None => "no older password works".to_owned(),
                };
                audit::append(conn, account, act, action, &subject, &detail).await?;
                Ok((credential, previous_expires_at))
            })
            .await;
        match attempt {
            Ok((credential, previous_expires_at)) => {
                return Ok(Rotated { credential, password: generated.password, previous_expires_at });
            }
            Err(RotateError::Failed(Failure::Store(error)))
                if error.is_duplicate_of(credential_secrets::HINT_IS_UNIQUE) && draws < MAX_DRAWS =>
            {
                draws += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Ends what the overlap says: everything at once for "now", which is what one does with a password that has leaked, or
/// the current password later. What a password brought that may have leaked is not held any longer. Answers with when that is.
async fn make_room(
    conn: &mut Connection,
    account: AccountId,
    credential: &Credential,
    overlap: Overlap,
    act: &Act,
) -> Result<Option<Timestamp>, RotateError> {
    let now = act.at;
    if overlap == Overlap::Now {
        credential_secrets::revoke_all(conn, credential.id, now).await?;
        discard_until(conn, account, credential, now, act).await?;
        return Ok(None);
    }
    let expiring = credential.expiring(now).and_then(|password| password.expires_at);
    // One that ended at its date is not brought back, and one that has a date does not outlive it.
    let Some(current) = credential.current(now) else { return Ok(expiring) };
    if let Some(end) = expiring {
        return Err(RotateError::TwoPasswordsLive(end));
    }
    let end = current.expires_at.map_or(overlap.end(now), |date| date.min(overlap.end(now)));
    credential_secrets::expire(conn, current.id, overlap, end).await?;
    Ok(Some(end))
}
