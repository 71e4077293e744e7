//! Decides whether somebody who is signed in knows the account password, so that a browser that was left open cannot do what
//! only its owner may.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::account_password::MAX_PASSWORD_CHARS;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::secret::Secret;
use crate::hashing::{Hasher, HashingError};
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, users};

/// Whether the password is right. Either way it is written down, also when nobody waits for the answer any more.
pub(crate) async fn confirm_password(
    store: &Store,
    hasher: &Hasher,
    member: &Member,
    password: &Secret,
    act: &Act,
) -> Result<bool, Failure> {
    let (store, hasher, member) = (store.clone(), hasher.clone(), member.clone());
    let (password, act) = (password.clone(), act.clone());
    let deciding = tokio::spawn(async move { decide(&store, &hasher, &member, &password, &act).await });
    deciding.await.map_err(|_| HashingError::Failed)?
}

async fn decide(
    store: &Store,
    hasher: &Hasher,
    member: &Member,
    password: &Secret,
    act: &Act,
) -> Result<bool, Failure> {
    // The connection is given back while argon2 runs.
    let hash = users::password_hash(&mut *store.connection().await?, member.user_id).await?;
    // Hashing takes longer with longer texts, and no password is longer.
    let plausible = password.reveal().chars().count() <= MAX_PASSWORD_CHARS;
    let right = plausible && hasher.verify(password, &hash.unwrap_or_default()).await?;
    let action = if right { Action::PasswordConfirmed } else { Action::PasswordConfirmationFailed };
    audit::append(&mut *store.connection().await?, member.account_id, act, AuditLine::new(action, &member.email))
        .await?;
    Ok(right)
}
