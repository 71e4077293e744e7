//! Turns two-step sign-in off: by the user, who has to have a code; or by the operator, for somebody who has lost the phone, which
//! ends all of that user's sessions.

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::Failure;
use crate::app::spend_code::spend_code;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::installation::InstallationKeys;
use crate::domain::mail::Mail;
use crate::domain::second_factor::GivenCode;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, outgoing_mails, second_factors};

/// Whose word it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authority<'a> {
    /// The user, by a code.
    User { input: &'a GivenCode, keys: &'a InstallationKeys },
    /// Whoever runs the server.
    Operator,
}

/// `false` when the code was wrong, or it was off.
pub(crate) async fn turn_off_second_factor(
    store: &Store,
    member: &Member,
    authority: Authority<'_>,
    act: &Act,
) -> Result<bool, Failure> {
    let user = member.user_id;
    store
        .transaction(async |conn| {
            if let Authority::User { input, keys } = authority
                && !spend_code(conn, keys, member, input, act).await?
            {
                return Ok(false);
            }
            if !second_factors::delete(conn, user).await? {
                return Ok(false);
            }
            outgoing_mails::insert(conn, member.ids(), &member.email, &Mail::SecondFactorTurnedOff, act.at).await?;
            let (action, detail) = match authority {
                Authority::User { .. } => (Action::SecondFactorTurnedOff, AuditDetail::None),
                Authority::Operator => {
                    let ended = end_other_sessions(conn, user, None, act).await?;
                    (Action::SecondFactorRemoved, AuditDetail::SessionsEnded { sessions_ended: ended as u64 })
                }
            };
            audit::append(conn, member.account_id, act, AuditLine::new(action, &member.email).with(detail)).await?;
            Ok(true)
        })
        .await
}
