//! Makes the recovery codes of a user and their hashes. Turning two-step sign-in on and making new codes both need them.

use crate::domain::ids::UserId;
use crate::domain::installation::InstallationKeys;
use crate::domain::second_factor::{RECOVERY_ALPHABET, RECOVERY_CODE_CHARS, RECOVERY_CODES, RecoveryCode};
use crate::random::{self, NoRandomness};

/// New codes and the hashes to keep. The plain ones live in the answer alone.
#[derive(Debug)]
pub(crate) struct GeneratedCodes {
    pub(crate) codes: Vec<RecoveryCode>,
    pub(crate) hashes: Vec<[u8; 32]>,
}

pub(crate) fn generate_recovery_codes(keys: &InstallationKeys, user: UserId) -> Result<GeneratedCodes, NoRandomness> {
    let indices = random::indices::<{ RECOVERY_CODES * RECOVERY_CODE_CHARS }>(RECOVERY_ALPHABET.len() as u8)?;
    let codes: Vec<_> = indices.chunks(RECOVERY_CODE_CHARS).map(RecoveryCode::from_random).collect();
    let hashes = codes.iter().map(|code| code.hash(keys, user)).collect();
    Ok(GeneratedCodes { codes, hashes })
}
