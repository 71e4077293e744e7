//! Changes the address that a user signs in with. The user's other sessions end: whoever takes an account over begins with this,
//! and whoever gets it back wants nobody else in it.

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::{Failure, carries_failure};
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, Actor, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::email::Email;
use crate::domain::ids::SessionId;
use crate::domain::mail::Mail;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, outgoing_mails, users};

/// Why the address stayed as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeEmailError {
    #[error("another account has this email address")]
    Taken,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ChangeEmailError);

/// Sets the address and ends all sessions but `kept`; the same address again is no act.
pub(crate) async fn change_email(
    store: &Store,
    member: &Member,
    email: &Email,
    kept: Option<SessionId>,
    act: &Act,
) -> Result<(), ChangeEmailError> {
    if email.as_str() == member.email {
        return Ok(());
    }
    store
        .transaction(async |conn| {
            if let Actor::User(_) = act.actor {
                users::lock_unchanged(conn, member).await?;
            }
            users::change_email(conn, member.user_id, email).await.map_err(|error| {
                if error.is_duplicate_of(users::EMAIL_IS_UNIQUE) { ChangeEmailError::Taken } else { error.into() }
            })?;
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::AddressChanged, act.at).await?;
            outgoing_mails::insert(conn, member.ids(), email.as_str(), &Mail::AddressConfirmation, act.at).await?;
            let ended = end_other_sessions(conn, member.user_id, kept, act).await?;
            let detail = AuditDetail::EmailWas { was: member.email.clone(), sessions_ended: ended as u64 };
            audit::append(
                conn,
                member.account_id,
                act,
                AuditLine::new(Action::EmailChanged, email.as_str()).with(detail),
            )
            .await?;
            Ok(())
        })
        .await
}
