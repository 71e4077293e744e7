//! Decides whether a code is right and unused, and uses it up. Both signing in and turning two-step sign-in off take one, within a
//! transaction of their own.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::{GivenCode, SealedFor, SecretsKey, TotpSecret};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::{audit, second_factors};

/// Whether the code was one, whose use is then written down. A refused one is written down too.
pub(crate) async fn spend_code(
    conn: &mut Connection,
    keys: &InstallationKeys,
    member: &Member,
    input: &GivenCode,
    act: &Act,
) -> Result<bool, Failure> {
    let user = member.user_id;
    let is_right = match input {
        GivenCode::Neither => false,
        GivenCode::Totp(code) => match second_factors::find_sealed(conn, user).await? {
            None => false,
            Some((factor, stored)) => {
                let key = SecretsKey::open(factor.key_number, &stored, &keys.outside)?;
                let unreadable =
                    || StoreError::Unreadable("a second factor that was not sealed for its user".to_owned());
                let secret =
                    TotpSecret::open(&key, SealedFor::Row, user, &factor.sealed_secret).ok_or_else(unreadable)?;
                match secret.step_of(*code, act.at, factor.last_step) {
                    Some(step) => second_factors::use_step(conn, user, step).await?,
                    None => false,
                }
            }
        },
        GivenCode::Recovery(code) => {
            let is_right = second_factors::use_recovery_code(conn, user, &code.hash(keys, user)).await?;
            if is_right {
                let left = second_factors::count_codes(conn, user).await?;
                let detail = AuditDetail::RecoveryCodesLeft { left: left as u64 };
                audit::append(
                    conn,
                    member.account_id,
                    act,
                    AuditLine::new(Action::RecoveryCodeUsed, &member.email).with(detail),
                )
                .await?;
            }
            is_right
        }
    };
    if !is_right {
        audit::append(conn, member.account_id, act, AuditLine::new(Action::CodeRefused, &member.email)).await?;
    }
    Ok(is_right)
}
