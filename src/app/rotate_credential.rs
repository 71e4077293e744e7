//! Gives a credential a new password and lets the old one work for a while, or not.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::discard_held_events::discard_until;
use crate::app::end_expired::end_expired;
use crate::app::failure::Failure;
use crate::app::generate_password::generate_password;
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::{Credential, Username};
use crate::domain::credential_password::CredentialPassword;
use crate::domain::ids::SecretId;
use crate::domain::installation::InstallationKeys;
use crate::domain::overlap::Overlap;
use crate::hashing::Hasher;
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::{credential_secrets, credentials};

/// The new password, this once, and when the one before it stops; `None` when it has stopped.
#[derive(Debug)]
pub struct Rotated {
    pub credential: Credential,
    pub password: CredentialPassword,
    pub previous_expires_at: Option<Timestamp>,
}

/// How often a colliding hint is drawn again. One in 14 million collides for each password there is.
const MAX_DRAWS: u32 = 3;

/// Rotates. `secret` is an id that the form carries, so that sending the form twice rotates once.
pub async fn rotate_credential(
    on: CredentialAct<'_>,
    (hasher, keys): (&Hasher, &InstallationKeys),
    secret: SecretId,
    overlap: Overlap,
) -> Result<Rotated, CredentialError> {
    let CredentialAct { store, account, id, act } = on;
    let found = credentials::find(&mut *store.connection().await?, account, id).await?;
    let username: Username = found
        .ok_or(CredentialError::NotFound)?
        .username
        .parse()
        .map_err(|_| StoreError::Unreadable("a username".to_owned()))?;
    let mut draws = 0;
    loop {
        let generated = generate_password(hasher, keys, &username).await.map_err(CredentialError::Failed)?;
        let attempt = on
            .decide(async |conn, credential| {
                if credential.revoked_at.is_some() {
                    return Err(CredentialError::Revoked);
                }
                if credential.passwords.iter().any(|password| password.id == secret) {
                    return Err(CredentialError::AlreadyRotated);
                }
                end_expired(conn, Some(id), act.at).await?;
                let previous_expires_at = free_a_slot(conn, on, credential, overlap).await?;
                let Some(slot) = credential_secrets::free_slot(conn, id).await? else {
                    let frees_at = credential.expiring(act.at).and_then(|p| p.expires_at).unwrap_or(act.at);
                    return Err(CredentialError::TwoPasswordsLive(frees_at));
                };
                let hint = generated.password.hint();
                credential_secrets::insert(conn, secret, id, hint, &generated.hash, slot, act.at).await?;
                let detail = AuditDetail::Rotation { old_works_until: previous_expires_at };
                on.note(conn, credential, Action::CredentialRotated, detail).await?;
                Ok((credential.clone(), previous_expires_at))
            })
            .await;
        match attempt {
            Ok((credential, previous_expires_at)) => {
                return Ok(Rotated { credential, password: generated.password, previous_expires_at });
            }
            Err(CredentialError::Failed(Failure::Store(error)))
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
async fn free_a_slot(
    conn: &mut Connection,
    on: CredentialAct<'_>,
    credential: &Credential,
    overlap: Overlap,
) -> Result<Option<Timestamp>, CredentialError> {
    let now = on.act.at;
    if overlap == Overlap::Now {
        credential_secrets::revoke_all(conn, credential.id, now).await?;
        discard_until(conn, on, credential, now).await?;
        return Ok(None);
    }
    let expiring = credential.expiring(now).and_then(|password| password.expires_at);
    // One that ended at its date is not brought back, and one that has a date does not outlive it.
    let Some(current) = credential.current(now) else { return Ok(expiring) };
    if let Some(end) = expiring {
        return Err(CredentialError::TwoPasswordsLive(end));
    }
    let end = current.expires_at.map_or(overlap.end(now), |date| date.min(overlap.end(now)));
    credential_secrets::expire(conn, current.id, overlap, end).await?;
    Ok(Some(end))
}
