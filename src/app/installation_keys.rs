//! The keys of this installation, made by whichever program comes first.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::app::failure::Failure;
use crate::app::rotate_keys::generated;
use crate::domain::installation::{CHECKSUM_KEY_BYTES, InstallationKeys, SESSION_KEY_BYTES};
use crate::domain::stored_key::{KeyPlace, OutsideKey, StoredKey};
use crate::random;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::{installation, installation_keys};

/// The keys that are kept; on a fresh installation they are made now, and encrypted if there is a key from outside.
pub async fn installation_keys(
    store: &Store,
    outside: &[OutsideKey],
    now: Timestamp,
) -> Result<InstallationKeys, Failure> {
    let kept = installation::find_keys(&mut *store.connection().await?).await?;
    let (session, checksum) = match kept {
        Some(kept) => kept,
        None => make(store, outside.first(), now).await?,
    };
    let is_outside = session.is_kept_by(outside.first());
    let session = session.open(KeyPlace::Session, outside)?;
    if !is_outside {
        tracing::warn!(
            "keys in the database are not encrypted under the installation key yet: run `reasoner-webhooks keys rotate`"
        );
    }
    store.require_installation(&checksum);
    Ok(InstallationKeys { session, checksum, outside: outside.to_vec() })
}

async fn make(
    store: &Store,
    outside: Option<&OutsideKey>,
    now: Timestamp,
) -> Result<installation::StoredKeys, Failure> {
    let session = Zeroizing::new(random::bytes::<SESSION_KEY_BYTES>()?);
    let session = StoredKey::store(session.as_slice(), KeyPlace::Session, outside, random::bytes()?)?;
    let proposed = (session, random::bytes::<CHECKSUM_KEY_BYTES>()?.to_vec().into());
    let secrets = generated(1, outside, now)?;
    store
        .transaction(async |conn| {
            if installation::insert_keys(conn, &proposed, now).await? {
                installation_keys::insert(conn, &secrets).await?;
            }
            let kept = installation::find_keys(conn).await?;
            Ok(kept.ok_or_else(|| StoreError::Unreadable("an installation without keys".to_owned()))?)
        })
        .await
}
