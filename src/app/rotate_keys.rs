//! Key rotation: encrypts every secret anew under a new key, while programs run, and deletes the key before.
//!
//! Each secret says which key it is encrypted under, so that both kinds can be read until all is done, and one that was begun and did
//! not end is gone on with.

use std::collections::HashMap;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::app::failure::Failure;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::ids::UserId;
use crate::domain::installation::{InstallationKeys, SECRETS_KEY_BYTES};
use crate::domain::second_factor::{SealedFor, SecretsKey, TotpSecret};
use crate::domain::stored_key::{KeyPlace, OutsideKey, StoredKey};
use crate::random;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::installation_keys::{self, NumberedKey};
use crate::store::tables::{audit, installation, second_factors, users};

/// Secrets that are encrypted anew in one transaction. Their owners' codes wait for so long.
const SECRETS_AT_ONCE: i64 = 50;
/// How often the key before may turn out to be in use still, because of a second factor that was turned on in between.
const ATTEMPTS: usize = 10;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Rotated {
    /// The number of the key that is in use now.
    pub(crate) key: i32,
    /// Secrets that this run encrypted anew.
    pub(crate) secrets: usize,
    /// Whether it went on with one that had not ended.
    pub(crate) resumed: bool,
}

/// Rotates them. The new key is encrypted under the first of the outside keys, if there are any.
pub(crate) async fn rotate_keys(store: &Store, keys: &InstallationKeys, act: &Act) -> Result<Rotated, Failure> {
    let (newest, resumed) = new_key(store, keys, act).await?;
    let mut secrets = 0;
    for attempt in 1..=ATTEMPTS {
        secrets += reseal_all(store, keys, newest, act).await?;
        match finish(store, keys, newest).await {
            Err(Failure::Store(error)) if error.is_still_referenced() && attempt < ATTEMPTS => {}
            finished => {
                finished?;
                break;
            }
        }
    }
    Ok(Rotated { key: newest, secrets, resumed })
}

/// The number of the key to encrypt under, and whether that is one of before.
async fn new_key(store: &Store, keys: &InstallationKeys, act: &Act) -> Result<(i32, bool), Failure> {
    let outside = keys.outside.first();
    let conn = &mut *store.connection().await?;
    let kept = installation_keys::list(conn).await?;
    if let [newest, _, ..] = kept.as_slice()
        && newest.stored.is_kept_by(outside)
    {
        return Ok((newest.number, true));
    }
    let number = kept.first().map_or(0, |key| key.number) + 1;
    installation_keys::insert(conn, &generated(number, outside, act.at)?).await?;
    Ok((number, false))
}

/// A new key, as it is kept.
pub(crate) fn generated(number: i32, outside: Option<&OutsideKey>, now: Timestamp) -> Result<NumberedKey, Failure> {
    let key = Zeroizing::new(random::bytes::<SECRETS_KEY_BYTES>()?);
    let stored = StoredKey::store(key.as_slice(), KeyPlace::Secrets(number), outside, random::bytes()?)?;
    Ok(NumberedKey { number, stored, made_at: now })
}

async fn reseal_all(store: &Store, keys: &InstallationKeys, newest: i32, act: &Act) -> Result<usize, Failure> {
    let kept = installation_keys::list(&mut *store.connection().await?).await?;
    let mut opened = HashMap::new();
    for key in &kept {
        opened.insert(key.number, SecretsKey::open(key.number, &key.stored, &keys.outside)?);
    }
    let mut all = 0;
    loop {
        let resealed = store
            .transaction(async |conn| -> Result<usize, Failure> {
                let behind = second_factors::lock_behind(conn, newest, SECRETS_AT_ONCE).await?;
                for (user, sealed, number) in &behind {
                    let (Some(from), Some(to)) = (opened.get(number), opened.get(&newest)) else {
                        return Err(StoreError::Unreadable("a secret whose key is not there".to_owned()).into());
                    };
                    reseal(conn, (*user, sealed), (from, to), newest, act).await?;
                }
                Ok(behind.len())
            })
            .await?;
        if resealed == 0 {
            return Ok(all);
        }
        all += resealed;
    }
}

async fn reseal(
    conn: &mut Connection,
    (user, sealed): (UserId, &[u8]),
    (from, to): (&SecretsKey, &SecretsKey),
    newest: i32,
    act: &Act,
) -> Result<(), Failure> {
    let unreadable = || StoreError::Unreadable("a second factor that was not sealed for its user".to_owned());
    let secret = TotpSecret::open(from, SealedFor::Row, user, sealed).ok_or_else(unreadable)?;
    let sealed = secret.seal(to, SealedFor::Row, user, random::bytes()?)?;
    second_factors::put_sealed(conn, user, &sealed, newest).await?;
    if let Some(member) = users::find(conn, user).await? {
        audit::append(conn, member.account_id, act, AuditLine::new(Action::SecondFactorEncryptedAnew, &member.email))
            .await?;
    }
    Ok(())
}

/// Deletes the keys before, and keeps the session key as the new one is kept.
async fn finish(store: &Store, keys: &InstallationKeys, newest: i32) -> Result<(), Failure> {
    let outside = keys.outside.first();
    let session = StoredKey::store(&keys.session, KeyPlace::Session, outside, random::bytes()?)?;
    store
        .transaction(async |conn| {
            installation_keys::delete_before(conn, newest).await?;
            Ok(installation::put_session_key(conn, &session).await?)
        })
        .await
}
