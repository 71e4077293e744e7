//! Sets the date at which the password of a credential ends, changes it, or removes it.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::store::tables::credential_secrets;

/// Sets the date of the current password, which lies ahead; `None` removes it. The password keeps its slot among the two that may
/// work: it gives it back once it has ended. Answers with the date before.
pub(crate) async fn set_expiry(
    on: CredentialAct<'_>,
    end: Option<Timestamp>,
) -> Result<Option<Timestamp>, CredentialError> {
    on.decide(async |conn, credential| {
        let current = credential.current(on.act.at).ok_or(CredentialError::NoPassword)?;
        if current.expires_at != end {
            credential_secrets::set_expiry(conn, current.id, end).await?;
            let hint = current.hint.clone();
            let (action, detail) = match end {
                Some(until) => (Action::ExpirySet, AuditDetail::Expiry { hint, until }),
                None => (Action::ExpiryRemoved, AuditDetail::Password { hint }),
            };
            on.note(conn, credential, action, detail).await?;
        }
        Ok(current.expires_at)
    })
    .await
}
