//! Changes several things of a credential at once, or none of them: what pages do one by one, in one transaction.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::rename_credential::rename_within;
use crate::app::set_expiry::expire_within;
use crate::app::set_sender_settings::set_within;
use crate::app::switch_credential::{Switch, switch_within};
use crate::app::switch_holding::hold_within;
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::sender_settings::SenderSettings;
use crate::store::connection::pool::Connection;
use crate::store::tables::credentials;

/// What is to be another way; `None` stays as it is.
#[derive(Debug, Default)]
pub(crate) struct CredentialChange {
    pub(crate) name: Option<CredentialName>,
    pub(crate) disabled: Option<bool>,
    pub(crate) holds_late_events: Option<bool>,
    /// Of the current password; `Some(None)` removes it.
    pub(crate) expires_at: Option<Option<Timestamp>>,
}

/// Changes it, with what `choose` makes of its sender settings, if it is as its owner expects it; answers with what it is now.
pub(crate) async fn change_credential(
    on: CredentialAct<'_>,
    change: CredentialChange,
    choose: impl FnOnce(SenderSettings) -> SenderSettings,
    is_expected: impl FnOnce(&Credential) -> bool,
) -> Result<Credential, CredentialError> {
    let changing = async |conn: &mut Connection| {
        let credential = credentials::find(conn, on.account, on.id).await?.ok_or(CredentialError::NotFound)?;
        let credential = &credential;
        if !is_expected(credential) {
            return Err(CredentialError::Changed);
        }
        if credential.revoked_at.is_some() {
            return Err(CredentialError::Revoked);
        }
        if let Some(name) = &change.name {
            rename_within(on, conn, credential, name).await?;
        }
        set_within(on, conn, credential, &choose(credential.settings.clone())).await?;
        if let Some(disabled) = change.disabled {
            switch_within(on, conn, credential, if disabled { Switch::Disable } else { Switch::Enable }).await?;
        }
        if let Some(holding) = change.holds_late_events {
            hold_within(on, conn, credential, holding).await?;
        }
        if let Some(end) = change.expires_at {
            expire_within(on, conn, credential, end).await?;
        }
        credentials::find(conn, on.account, on.id).await?.ok_or(CredentialError::NotFound)
    };
    on.store.transaction_under(&credentials::lock_with_names(on.account, on.id), changing).await
}
