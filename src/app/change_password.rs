//! Changes the password of a user: by the user, who has to know the current one and whose other sessions end; or by the
//! operator, which ends all of them.

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::{Failure, carries_failure};
use crate::app::member_act::MemberAct;
use crate::domain::account_password::NewPassword;
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::SessionId;
use crate::domain::secret::Secret;
use crate::hashing::Hasher;
use crate::store::tables::{audit, users};

/// Why the password stayed as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangePasswordError {
    #[error("the current password is wrong")]
    WrongPassword,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ChangePasswordError);

/// Whose word it is.
#[derive(Debug)]
pub(crate) enum Authority<'a> {
    /// The user, by the current password; this session goes on.
    User { current: &'a Secret, session: Option<SessionId> },
    /// Whoever runs the server.
    Operator,
}

pub(crate) async fn change_password(
    MemberAct { store, member, act }: MemberAct<'_>,
    hasher: &Hasher,
    new: &NewPassword,
    authority: Authority<'_>,
) -> Result<(), ChangePasswordError> {
    let (action, kept) = match authority {
        Authority::Operator => (Action::PasswordReset, None),
        Authority::User { current, session } => {
            let hash = users::password_hash(&mut *store.connection().await?, member.user_id).await?;
            if !hasher.verify(current, &hash.unwrap_or_default()).await? {
                let conn = &mut *store.connection().await?;
                let action = Action::PasswordConfirmationFailed;
                audit::append(conn, member.account_id, act, AuditLine::new(action, &member.email)).await?;
                return Err(ChangePasswordError::WrongPassword);
            }
            (Action::PasswordChanged, session)
        }
    };
    let hash = hasher.hash(new.secret()).await?;
    store
        .transaction(async |conn| {
            users::change_password(conn, member.user_id, &hash, act.at).await?;
            let ended = end_other_sessions(conn, member.user_id, kept, act).await?;
            let detail = AuditDetail::OtherSessionsEnded { sessions_ended: ended as u64 };
            audit::append(conn, member.account_id, act, AuditLine::new(action, &member.email).with(detail)).await?;
            Ok(())
        })
        .await
}
