//! Makes the token address of a credential, and revokes it. A credential has one at most.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::checked_token::CheckedToken;
use crate::domain::credential_password::RANDOM_CHARS;
use crate::domain::ids::SecretId;
use crate::domain::installation::InstallationKeys;
use crate::domain::token_address::KIND;
use crate::random;
use crate::store::tables::token_addresses;

/// Makes a token under an id that the form carries, so that sending the form twice makes one. The one before stops at once.
pub(crate) async fn make_token_address(
    on: CredentialAct<'_>,
    keys: &InstallationKeys,
    id: SecretId,
) -> Result<CheckedToken, CredentialError> {
    let token = KIND.make(&keys.checksum, random::indices::<RANDOM_CHARS>(62)?);
    on.decide(async |conn, credential| {
        if credential.revoked_at.is_some() {
            return Err(CredentialError::Revoked);
        }
        token_addresses::revoke(conn, on.id, on.act.at).await?;
        token_addresses::insert(conn, (on.id, id), &token, on.act.at).await.map_err(|error| {
            if error.is_duplicate_of("credential_secrets_pkey") { CredentialError::AlreadyIssued } else { error.into() }
        })?;
        let hint = token.hint().to_owned();
        on.note(conn, credential, Action::TokenAddressMade, AuditDetail::TokenAddress { hint }).await?;
        Ok(())
    })
    .await?;
    Ok(token)
}

/// Ends the token address now and for good; where there is none, nothing changes.
pub(crate) async fn revoke_token_address(on: CredentialAct<'_>) -> Result<(), CredentialError> {
    on.decide(async |conn, credential| {
        if let Some(hint) = token_addresses::revoke(conn, on.id, on.act.at).await? {
            on.note(conn, credential, Action::TokenAddressRevoked, AuditDetail::TokenAddress { hint }).await?;
        }
        Ok(())
    })
    .await
}
