//! Gives a credential a new password and lets the old one work for a while, or not.

use jiff::{SignedDuration, Timestamp};

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::discard_held_events::discard_until;
use crate::app::end_expired::end_due;
use crate::app::failure::Failure;
use crate::app::generate_password::generate_password;
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::{Credential, PasswordRecord};
use crate::domain::credential_password::CredentialPassword;
use crate::domain::ids::SecretId;
use crate::domain::installation::InstallationKeys;
use crate::domain::overlap::Overlap;
use crate::hashing::{Hasher, Share};
use crate::store::connection::pool::Connection;
use crate::store::tables::credential_secrets::NewSecret;
use crate::store::tables::{credential_secrets, credentials};

/// The new password, this once, and when the one before it stops; `None` when it has stopped.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Rotated {
    pub credential: Credential,
    pub password: CredentialPassword,
    pub(crate) previous_expires_at: Option<Timestamp>,
}

impl Rotated {
    /// The password that works beside the new one, and when it ends.
    pub(crate) fn old(&self, now: Timestamp) -> Option<(&PasswordRecord, Timestamp)> {
        let old = self.credential.expiring(now).or_else(|| self.credential.current(now));
        old.zip(self.previous_expires_at)
    }
}

/// How often a colliding hint is drawn again. One in 14 million collides for each password there is.
const MAX_DRAWS: u32 = 3;

/// The use of a password is written down within that time, by whichever program.
const USE_IS_KNOWN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Whether the answer to a rotation can have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Somebody saw it.
    Never,
    /// Whoever rotates once more may not have it: a newest password is replaced that is 5 seconds old and was never used.
    Perhaps,
}

/// Rotates. The secret's id is one that the form carries, so that sending the form twice rotates once.
pub async fn rotate_credential(
    on: CredentialAct<'_>,
    (hasher, keys): (&Hasher, &InstallationKeys),
    (secret, overlap): (SecretId, Overlap),
    lost: Lost,
) -> Result<Rotated, CredentialError> {
    let CredentialAct { store, account, id, act } = on;
    let username = credentials::find_username(&mut *store.connection().await?, account, id).await?;
    let username = username.ok_or(CredentialError::NotFound)?;
    let mut draws = 0;
    loop {
        let generated =
            generate_password((hasher, Share::of(act)), keys, &username).await.map_err(CredentialError::Failed)?;
        let attempt = on
            .decide(async |conn, credential| {
                if credential.revoked_at.is_some() {
                    return Err(CredentialError::Revoked);
                }
                if credential.passwords.iter().any(|password| password.id == secret) {
                    return Err(CredentialError::AlreadyRotated);
                }
                let (slot, replaced) = free_a_slot(conn, on, credential, (overlap, lost)).await?;
                let (hint, hash) = (generated.password.hint(), generated.hash.as_str());
                let new = NewSecret { id: secret, credential: id, hint, hash, slot, at: act.at };
                let previous_expires_at = match replaced {
                    Replaced::Until(old, end) => {
                        credential_secrets::insert_replacing(conn, new, (old, overlap, end)).await?;
                        Some(end)
                    }
                    Replaced::Already(end) => {
                        credential_secrets::insert(conn, new).await?;
                        end
                    }
                };
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

/// What becomes of the password before.
enum Replaced {
    /// It is to end then.
    Until(SecretId, Timestamp),
    /// It has ended, or ends then by itself.
    Already(Option<Timestamp>),
}

/// A free slot, and how the password before ends. For an overlap of "now", which is what one chooses when a password has leaked,
/// everything ends here, and what a password brought that may have leaked is not held any longer.
async fn free_a_slot(
    conn: &mut Connection,
    on: CredentialAct<'_>,
    credential: &Credential,
    (overlap, lost): (Overlap, Lost),
) -> Result<(i16, Replaced), CredentialError> {
    let now = on.act.at;
    end_due(conn, credential, now).await?;
    if overlap == Overlap::Now {
        credential_secrets::revoke_all(conn, credential.id, now).await?;
        discard_until(conn, on, credential, now).await?;
        return Ok((1, Replaced::Already(None)));
    }
    let expiring = credential.expiring(now).and_then(|password| password.expires_at);
    let two_live = || CredentialError::TwoPasswordsLive(expiring.unwrap_or(now));
    let is_unused = |password: &PasswordRecord| {
        password.last_used_at.is_none() && now.duration_since(password.created_at) >= USE_IS_KNOWN_AFTER
    };
    let replaced = match credential.current(now) {
        // Nobody has it: it gives its slot to the next one, and the old password ends as it was to.
        Some(current) if expiring.is_some() && lost == Lost::Perhaps && is_unused(current) => {
            credential_secrets::revoke(conn, current.id, now).await?;
            return Ok((current.slot.ok_or_else(two_live)?, Replaced::Already(expiring)));
        }
        Some(_) if expiring.is_some() => return Err(two_live()),
        // One that has a date does not outlive it.
        Some(current) => {
            let end = overlap.end(now);
            Replaced::Until(current.id, current.expires_at.map_or(end, |date| date.min(end)))
        }
        // One that ended at its date is not brought back.
        None => Replaced::Already(expiring),
    };
    let holds = |password: &PasswordRecord, slot| password.slot == Some(slot) && !password.has_ended_by_itself(now);
    let is_free = |slot: &i16| !credential.passwords.iter().any(|password| holds(password, *slot));
    let slot = [1, 2].into_iter().find(is_free).ok_or_else(two_live)?;
    Ok((slot, replaced))
}
