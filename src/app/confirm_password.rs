//! Decides whether somebody who is signed in knows the account password, so that a browser that was left open cannot do what
//! only its owner may.

use crate::app::failure::Failure;
use crate::app::spend_code::spend_code;
use crate::domain::account::Member;
use crate::domain::account_password::MAX_PASSWORD_CHARS;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::GivenCode;
use crate::domain::secret::Secret;
use crate::hashing::{Hasher, HashingError, Share};
use crate::store::connection::pool::{Store, as_part_of_request};
use crate::store::tables::{audit, users};

/// Whether the password is right. Either way it is written down, also when nobody waits for the answer any more.
pub(crate) async fn confirm_password(
    store: &Store,
    hasher: &Hasher,
    member: &Member,
    password: &Secret,
    act: &Act,
) -> Result<bool, Failure> {
    // The connection is given back while argon2 runs.
    let hash = users::password_hash(&mut *store.connection().await?, member.user_id).await?.unwrap_or_default();
    let (store, hasher, member) = (store.clone(), hasher.clone(), member.clone());
    let (password, act) = (password.clone(), act.clone());
    let deciding = async move { decide(&store, &hasher, (&member, &hash), &password, &act).await };
    let deciding = tokio::spawn(as_part_of_request(deciding));
    deciding.await.map_err(|_| HashingError::Failed)?
}

/// Whether a code is right, which is asked for with the password where two-step sign-in is on. It is used up.
pub(crate) async fn confirm_code(
    store: &Store,
    keys: &InstallationKeys,
    member: &Member,
    input: &GivenCode,
    act: &Act,
) -> Result<bool, Failure> {
    store.transaction(async |conn| spend_code(conn, keys, member, input, act).await).await
}

async fn decide(
    store: &Store,
    hasher: &Hasher,
    (member, hash): (&Member, &str),
    password: &Secret,
    act: &Act,
) -> Result<bool, Failure> {
    // Hashing takes longer with longer texts, and no password is longer.
    let plausible = password.reveal().chars().count() <= MAX_PASSWORD_CHARS;
    // One that was generated is good for no longer here than at the sign-in page.
    let is_expired = member.password_expires_at.is_some_and(|expires_at| expires_at <= act.at);
    let right = plausible && hasher.verify(Share::of(act), password, hash).await? && !is_expired;
    let action = if right { Action::PasswordConfirmed } else { Action::PasswordConfirmationFailed };
    audit::append(&mut *store.connection().await?, member.account_id, act, AuditLine::new(action, &member.email))
        .await?;
    Ok(right)
}
