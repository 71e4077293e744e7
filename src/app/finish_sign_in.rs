//! The second step of signing in: decides whether somebody who gave the right password a moment ago has the code as well.

use jiff::Timestamp;

use crate::app::failure::Failure;
use crate::app::sign_in::note_sign_in;
use crate::app::spend_code::spend_code;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Actor};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::device::Browser;
use crate::domain::ids::UserId;
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::{GivenCode, PENDING_LASTS};
use crate::store::connection::pool::Store;
use crate::store::tables::{second_factors, users};

/// Who has yet to give a code: the member, unless the first step counts no longer.
pub(crate) async fn find_pending(
    store: &Store,
    user: UserId,
    password_at: Timestamp,
    now: Timestamp,
) -> Result<Option<Member>, Failure> {
    if now.duration_since(password_at) > PENDING_LASTS {
        return Ok(None);
    }
    let conn = &mut *store.connection().await?;
    let Some(member) = users::find(conn, user).await? else { return Ok(None) };
    // The password that was given may have been changed since, and two-step sign-in may have been turned off.
    let counts = member.password_changed_at <= password_at && second_factors::is_on(conn, user).await?;
    Ok(counts.then_some(member))
}

/// Whether the code was right.
pub(crate) async fn finish_sign_in(
    store: &Store,
    keys: &InstallationKeys,
    member: &Member,
    (input, browser): (&GivenCode, &Browser),
    act: &Act,
) -> Result<bool, Failure> {
    let signed_in = Act { actor: Actor::User(member.user_id), ..act.clone() };
    store
        .transaction(async |conn| {
            let is_right = spend_code(conn, keys, member, input, act).await?;
            if is_right {
                note_sign_in(conn, member, browser, &signed_in, AuditDetail::SignedInWithCode).await?;
            }
            Ok(is_right)
        })
        .await
}
