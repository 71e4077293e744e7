//! What all acts on one credential share: their context, their error, and that the credential is locked while they decide.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Credential;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::time::full;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::{audit, credentials};

/// Why a credential stayed as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum CredentialError {
    #[error("there is no such credential")]
    NotFound,
    #[error("this credential is revoked; create a new one")]
    Revoked,
    /// The same form was sent before, and its password was shown then.
    #[error("this credential has been created already")]
    AlreadyIssued,
    /// The same form was sent before, and its password was shown then.
    #[error("this rotation has been done already")]
    AlreadyRotated,
    /// The account has as many as it may have.
    #[error("this account has {0} credentials, which is its limit; revoke one that is no longer needed")]
    TooMany(u32),
    /// People tell credentials apart by their names.
    #[error("{0} of this account has this name already; choose another")]
    NameTaken(String),
    /// Two passwords work, and a third may not.
    #[error("two passwords of this credential work already; the old one stops at {}, or stop it now", full(*.0))]
    TwoPasswordsLive(Timestamp),
    /// What has expired or is revoked is not brought back.
    #[error("no old password of this credential works any more")]
    NoOverlap,
    #[error("this overlap was extended before, and can be once")]
    AlreadyExtended,
    /// All have ended, and what has ended is not brought back.
    #[error("no password of this credential works any more")]
    NoPassword,
    /// Its senders get 401, and so does a test.
    #[error("this credential is disabled or revoked, or its password has ended")]
    NotAccepted,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(CredentialError);

/// An act on one credential: in which database, whose, which one, and who acts.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct CredentialAct<'a> {
    pub store: &'a Store,
    pub account: AccountId,
    pub id: CredentialId,
    pub act: &'a Act,
}

impl CredentialAct<'_> {
    /// Locks the credential and lets `decide` do what it decides, in one transaction.
    pub(crate) async fn decide<T>(
        &self,
        decide: impl AsyncFnOnce(&mut Connection, &Credential) -> Result<T, CredentialError>,
    ) -> Result<T, CredentialError> {
        self.store
            .transaction_under(&credentials::lock(self.account, self.id), async |conn| {
                let credential = credentials::find(conn, self.account, self.id).await?;
                decide(conn, &credential.ok_or(CredentialError::NotFound)?).await
            })
            .await
    }

    /// Writes the act's line in the audit log.
    pub(crate) async fn note(
        &self,
        conn: &mut Connection,
        credential: &Credential,
        action: Action,
        detail: AuditDetail,
    ) -> Result<(), StoreError> {
        audit::append(conn, self.account, self.act, AuditLine::new(action, &credential.username).with(detail)).await
    }
}
