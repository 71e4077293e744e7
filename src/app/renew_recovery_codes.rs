//! Makes new recovery codes; the ones before stop working.

use uuid::Uuid;

use crate::app::failure::{Failure, carries_failure};
use crate::app::generate_recovery_codes::generate_recovery_codes;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::RecoveryCode;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, second_factors};

/// Why there are no new codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewError {
    /// The same form again, or two-step sign-in is off.
    #[error("these codes were made before")]
    NothingToRenew,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(RenewError);

/// Gives the codes, which nobody sees again. `codes_id` is new in every form, so that sending one twice makes codes once.
pub(crate) async fn renew_recovery_codes(
    store: &Store,
    keys: &InstallationKeys,
    member: &Member,
    codes_id: Uuid,
    act: &Act,
) -> Result<Vec<RecoveryCode>, RenewError> {
    let generated = generate_recovery_codes(keys, member.user_id)?;
    store
        .transaction(async |conn| {
            if !second_factors::begin_codes(conn, member.user_id, codes_id).await? {
                return Err(RenewError::NothingToRenew);
            }
            second_factors::replace_codes(conn, member.user_id, &generated.hashes).await?;
            audit::append(conn, member.account_id, act, AuditLine::new(Action::RecoveryCodesMade, &member.email))
                .await?;
            Ok(generated.codes)
        })
        .await
}
