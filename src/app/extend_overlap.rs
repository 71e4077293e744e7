//! Extends an overlap, once: the replaced password works for as long again as was chosen when it was replaced. Undoes that, if it was
//! just now.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::store::tables::credential_secrets;

/// Extends it; answers with its new end.
pub(crate) async fn extend_overlap(on: CredentialAct<'_>) -> Result<Timestamp, CredentialError> {
    on.decide(async |conn, credential| {
        let old = credential.expiring(on.act.at).ok_or(CredentialError::NoOverlap)?;
        let before = old.expires_at.ok_or(CredentialError::NoOverlap)?;
        let overlap = old.extension(on.act.at).ok_or(CredentialError::AlreadyExtended)?;
        let end = overlap.end(before);
        credential_secrets::set_extension(conn, old.id, end, Some(on.act.at)).await?;
        let detail = AuditDetail::Extension { hint: old.hint.clone(), overlap, until: end };
        on.note(conn, credential, Action::OverlapExtended, detail).await?;
        Ok(end)
    })
    .await
}

/// Undoes an extension; answers with the end that the overlap had before.
pub(crate) async fn undo_extension(on: CredentialAct<'_>) -> Result<Timestamp, CredentialError> {
    on.decide(async |conn, credential| {
        let old = credential.expiring(on.act.at).ok_or(CredentialError::NoOverlap)?;
        let end = old.end_before_extension(on.act.at).ok_or(CredentialError::Changed)?;
        credential_secrets::set_extension(conn, old.id, end, None).await?;
        let detail = AuditDetail::Expiry { hint: old.hint.clone(), until: end };
        on.note(conn, credential, Action::OverlapExtensionUndone, detail).await?;
        Ok(end)
    })
    .await
}
