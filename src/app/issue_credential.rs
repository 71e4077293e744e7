//! Creates a credential with its first password.

use crate::app::failure::{Failure, carries_failure};
use crate::app::generate_password::generate_password;
use crate::domain::audit::{Act, Action};
use crate::domain::credential::{CredentialName, USERNAME_RANDOM_CHARS, Username};
use crate::domain::credential_password::CredentialPassword;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::installation::InstallationKeys;
use crate::hashing::Hasher;
use crate::random;
use crate::store::pool::Store;
use crate::store::{audit, credential_secrets, credentials};

/// A credential and, this once, its password.
#[derive(Debug)]
pub struct Issued {
    pub id: CredentialId,
    pub name: CredentialName,
    pub username: Username,
    pub password: CredentialPassword,
}

/// Why there is no new credential.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The same form was sent before: its credential exists, and its password was shown then.
    #[error("this credential has been created already")]
    AlreadyIssued,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(IssueError);

/// Creates the credential under an id that the form carries, so that sending the form twice creates one.
pub async fn issue_credential(
    store: &Store,
    hasher: &Hasher,
    keys: &InstallationKeys,
    account: AccountId,
    id: CredentialId,
    name: CredentialName,
    act: &Act,
) -> Result<Issued, IssueError> {
    // Eight random characters leave one collision in 10^12 for each existing credential; the unique constraint catches it.
    let username = Username::from_random(random::indices::<USERNAME_RANDOM_CHARS>(36)?);
    let generated = generate_password(hasher, keys, &username).await.map_err(IssueError::Failed)?;
    let secret = SecretId(random::uuid_at(act.at));
    store
        .transaction(async |conn| {
            let inserted = credentials::insert(conn, account, id, &name, &username, act.at).await;
            inserted.map_err(|error| {
                if error.is_duplicate_of("credentials_pkey") { IssueError::AlreadyIssued } else { error.into() }
            })?;
            let hint = generated.password.hint();
            credential_secrets::insert(conn, secret, id, hint, &generated.hash, 1, act.at).await?;
            let subject = username.as_str();
            audit::append(conn, account, act, Action::CredentialCreated, subject, name.as_str()).await?;
            Ok::<(), IssueError>(())
        })
        .await?;
    Ok(Issued { id, name, username, password: generated.password })
}
