//! Extends an overlap, once: the replaced password works for as long again as was chosen when it was replaced.

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
        credential_secrets::extend(conn, old.id, end, on.act.at).await?;
        let detail = AuditDetail::Extension { hint: old.hint.clone(), overlap, until: end };
        on.note(conn, credential, Action::OverlapExtended, detail).await?;
        Ok(end)
    })
    .await
}
