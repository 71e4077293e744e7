//! Creates a credential with its first password.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::generate_password::generate_password;
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::{CredentialName, USERNAME_RANDOM_CHARS, Username};
use crate::domain::credential_password::CredentialPassword;
use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::installation::InstallationKeys;
use crate::hashing::{Hasher, Share};
use crate::random;
use crate::store::tables::credential_secrets::NewSecret;
use crate::store::tables::{account_limits, audit, credential_secrets, credentials};

/// A credential and, this once, its password.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Issued {
    pub id: CredentialId,
    pub(crate) name: CredentialName,
    pub username: Username,
    pub password: CredentialPassword,
}

/// Creates the credential under an id that the form carries, so that sending the form twice creates one; not beyond `most` that are not
/// revoked, which nobody tells the operator, and not with a name that one of them has. Its password may have a date at which it ends.
pub async fn issue_credential(
    on: CredentialAct<'_>,
    (hasher, keys): (&Hasher, &InstallationKeys),
    name: CredentialName,
    expires_at: Option<Timestamp>,
    most: Option<u32>,
) -> Result<Issued, CredentialError> {
    let CredentialAct { store, account, id, act } = on;
    // Eight random characters leave one collision in 10^12 for each existing credential; the unique constraint catches it.
    let username = Username::from_random(random::indices::<USERNAME_RANDOM_CHARS>(36)?);
    let generated =
        generate_password((hasher, Share::of(act)), keys, &username).await.map_err(CredentialError::Failed)?;
    let secret = SecretId(random::uuid_at(act.at));
    store
        .transaction_under(&account_limits::lock(account), async |conn| {
            let inserted = credentials::insert(conn, (account, id), &name, &username, act.at).await;
            inserted.map_err(|error| {
                if error.is_duplicate_of("credentials_pkey") { CredentialError::AlreadyIssued } else { error.into() }
            })?;
            // Counted after it: whoever sends the form twice is told that it was sent before.
            let (number, namesake) = credentials::count_with_name(conn, (account, id), &name).await?;
            if let Some(most) = most.filter(|most| number > u64::from(*most)) {
                return Err(CredentialError::TooMany(most));
            }
            if let Some(username) = namesake {
                return Err(CredentialError::NameTaken(username));
            }
            let (hint, hash) = (generated.password.hint(), generated.hash.as_str());
            let new = NewSecret { id: secret, credential: id, hint, hash, slot: 1, at: act.at };
            credential_secrets::insert(conn, new).await?;
            let subject = username.as_str();
            audit::append(
                conn,
                account,
                act,
                AuditLine::new(Action::CredentialCreated, subject).with(AuditDetail::name(name.as_str())),
            )
            .await?;
            if let Some(until) = expires_at {
                credential_secrets::set_expiry(conn, secret, expires_at).await?;
                let detail = AuditDetail::Expiry { hint: hint.to_owned(), until };
                audit::append(conn, account, act, AuditLine::new(Action::ExpirySet, subject).with(detail)).await?;
            }
            Ok::<(), CredentialError>(())
        })
        .await?;
    Ok(Issued { id, name, username, password: generated.password })
}
