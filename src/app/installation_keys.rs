//! The keys of this installation, made by whichever program comes first.

use jiff::Timestamp;

use crate::app::failure::Failure;
use crate::domain::installation::{CHECKSUM_KEY_BYTES, InstallationKeys, SESSION_KEY_BYTES};
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::installation;

/// The keys that are kept; on a fresh installation they are made now.
pub async fn installation_keys(store: &Store, now: Timestamp) -> Result<InstallationKeys, Failure> {
    let proposed = InstallationKeys {
        session: random::bytes::<SESSION_KEY_BYTES>()?.to_vec().into(),
        checksum: random::bytes::<CHECKSUM_KEY_BYTES>()?.to_vec().into(),
    };
    let keys = installation::keys_or_insert(&mut *store.connection().await?, &proposed, now).await?;
    store.require_installation(&keys.checksum);
    Ok(keys)
}
