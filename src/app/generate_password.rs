//! Makes the password of a credential and its hash. Both issuing and rotating begin with this.

use crate::app::failure::Failure;
use crate::domain::credential::Username;
use crate::domain::credential_password::{CredentialPassword, RANDOM_CHARS};
use crate::domain::installation::InstallationKeys;
use crate::hashing::{Hasher, Share};
use crate::random;

/// A new password and the hash to keep. The plain one lives in the answer alone.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) password: CredentialPassword,
    pub(crate) hash: String,
}

pub(crate) async fn generate_password(
    (hasher, share): (&Hasher, Share),
    keys: &InstallationKeys,
    username: &Username,
) -> Result<Generated, Failure> {
    let indices = random::indices::<RANDOM_CHARS>(62)?;
    let password = CredentialPassword::from_random(&keys.checksum, username, indices);
    let hash = hasher.hash(share, password.secret()).await?;
    Ok(Generated { password, hash })
}
