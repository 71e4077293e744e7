//! Decides whether an address and a password belong together. An unknown address costs the same time as a wrong password,
//! and is told the same.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::hashing::{HASH_OF_NOTHING, Hasher, is_outdated};
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, second_factors, users};

/// What came of an address and a password.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// For whatever reason.
    Refused,
    Done(Member),
    /// The password is right, and a code has to follow.
    NeedsCode(Member),
}

pub(crate) async fn sign_in(
    store: &Store,
    hasher: &Hasher,
    email: &Email,
    password: &Secret,
    act: &Act,
) -> Result<SignIn, Failure> {
    // The connection is given back while argon2 runs.
    let found = users::find_by_email(&mut *store.connection().await?, email).await?;
    let hash = found.as_ref().map_or(HASH_OF_NOTHING, |(_, hash)| hash);
    let right = hasher.verify(password, hash).await?;
    let Some((member, hash)) = found else { return Ok(SignIn::Refused) };
    if right && is_outdated(&hash) {
        renew(store.clone(), hasher.clone(), member.user_id, password.clone(), hash);
    }
    let conn = &mut *store.connection().await?;
    let user = Act { actor: Actor::User(member.user_id), ..act.clone() };
    let (action, act) = if !right {
        (Action::SignInFailed, act)
    } else if second_factors::is_on(conn, member.user_id).await? {
        // Nobody is signed in yet; but that somebody knows the password is worth its owner's attention.
        (Action::PasswordAccepted, act)
    } else {
        (Action::SignedIn, &user)
    };
    audit::append(conn, member.account_id, act, AuditLine::new(action, &member.email)).await?;
    Ok(match action {
        Action::SignedIn => SignIn::Done(member),
        Action::PasswordAccepted => SignIn::NeedsCode(member),
        _ => SignIn::Refused,
    })
}

/// Hashes a password anew with today's parameters, beside the request.
fn renew(store: Store, hasher: Hasher, user: UserId, password: Secret, old: String) {
    tokio::spawn(async move {
        let renewing = async {
            let new = hasher.hash(&password).await?;
            Ok::<_, Failure>(users::replace_hash(&mut *store.connection().await?, user, &old, &new).await?)
        };
        if let Err(error) = renewing.await {
            tracing::warn!(%error, "an outdated hash stays for now; the next sign-in tries again");
        }
    });
}
