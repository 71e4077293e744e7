//! Sets what a credential accepts beyond the default.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Credential;
use crate::domain::sender_settings::SenderSettings;
use crate::store::connection::pool::Connection;
use crate::store::tables::sender_settings;

/// Puts what `choose` makes of the settings in their place. Settings that stay as they are leave no line.
pub(crate) async fn set_sender_settings(
    on: CredentialAct<'_>,
    choose: impl FnOnce(SenderSettings) -> SenderSettings,
) -> Result<SenderSettings, CredentialError> {
    on.decide(async |conn, credential| {
        let settings = choose(credential.settings.clone());
        set_within(on, conn, credential, &settings).await?;
        Ok(settings)
    })
    .await
}

/// Sets them in a transaction that has locked the credential.
pub(crate) async fn set_within(
    on: CredentialAct<'_>,
    conn: &mut Connection,
    credential: &Credential,
    settings: &SenderSettings,
) -> Result<(), CredentialError> {
    if credential.revoked_at.is_some() {
        return Err(CredentialError::Revoked);
    }
    if *settings != credential.settings {
        sender_settings::set(conn, on.account, on.id, settings).await?;
        let detail = AuditDetail::SenderSettings(settings.clone());
        on.note(conn, credential, Action::SenderSettingsChanged, detail).await?;
    }
    Ok(())
}
