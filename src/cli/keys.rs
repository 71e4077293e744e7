//! `keys rotate`: a new key in the place of the one that secrets are encrypted under.

use serde::Serialize;

use crate::app::rotate_keys::rotate_keys;
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::domain::audit::Act;
use crate::domain::installation::InstallationKeys;
use crate::store::connection::pool::Store;

#[derive(Serialize)]
struct RotationRecord {
    key: i32,
    secrets: usize,
    resumed: bool,
    /// Whether the key is encrypted under one from outside of the database.
    outside: bool,
}

/// Rotates them, and says what came of it.
pub(crate) async fn rotate(store: &Store, keys: &InstallationKeys, act: &Act, json: bool) -> Result<(), CommandError> {
    let rotated = rotate_keys(store, keys, act).await?;
    let outside = !keys.outside.is_empty();
    if json {
        let (key, secrets, resumed) = (rotated.key, rotated.secrets, rotated.resumed);
        return Ok(output::json(&RotationRecord { key, secrets, resumed, outside })?);
    }
    if rotated.resumed {
        output::say("A rotation that had not ended was gone on with.")?;
    }
    let secrets = if rotated.secrets == 1 { "1 secret was" } else { &format!("{} secrets were", rotated.secrets) };
    output::say(&format!("Key {} is in use: {secrets} re-encrypted, and the key before is deleted.", rotated.key))?;
    Ok(output::say(match outside {
        true => "It is encrypted under the installation key from outside: a dump of the database does not open it.",
        false => "It is in the database, and so in every dump: INSTALLATION_KEY_FILE keeps it apart.",
    })?)
}
