//! Changes the password of a user: by the user, whose other sessions end; or by the operator, which ends all of them.

use jiff::Timestamp;

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::Failure;
use crate::app::member_act::MemberAct;
use crate::domain::account_password::NewPassword;
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::SessionId;
use crate::domain::mail::Mail;
use crate::hashing::{Hasher, Share};
use crate::store::tables::{audit, outgoing_mails, users};

/// Whose word it is.
#[derive(Debug)]
pub(crate) enum Authority {
    /// The user, who has just given the current password; this session goes on.
    User { session: Option<SessionId> },
    /// Whoever runs the server; one that was generated has to be changed until then.
    Operator { expires_at: Option<Timestamp> },
}

pub(crate) async fn change_password(
    MemberAct { store, member, act }: MemberAct<'_>,
    hasher: &Hasher,
    new: &NewPassword,
    authority: Authority,
) -> Result<(), Failure> {
    let (action, kept, expires_at) = match authority {
        Authority::Operator { expires_at } => (Action::PasswordReset, None, expires_at),
        Authority::User { session } => (Action::PasswordChanged, session, None),
    };
    let hash = hasher.hash(Share::of(act), new.secret()).await?;
    store
        .transaction(async |conn| {
            if let Authority::User { .. } = authority {
                users::lock_unchanged(conn, member).await?;
            }
            users::change_password(conn, member.user_id, (&hash, expires_at), act.at).await?;
            let ended = end_other_sessions(conn, member.user_id, kept, act).await?;
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::PasswordChanged, act.at).await?;
            let detail = AuditDetail::OtherSessionsEnded { sessions_ended: ended as u64 };
            audit::append(conn, member.account_id, act, AuditLine::new(action, &member.email).with(detail)).await?;
            Ok(())
        })
        .await
}
