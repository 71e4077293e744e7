//! The session store.
//!
//! The table of sessions, as actix-session wants it: a session that lives in a cookie could not be ended.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::digest::sha256;
use crate::domain::ids::SessionId;
use crate::random;
use crate::store::connection::pool::Store;
use crate::store::tables::sessions::{self, NewSession};
use crate::web::session::SessionState;

/// Sessions in PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct PostgresSessions {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

/// JSON texts by their names, as actix-session writes them.
type Entries = HashMap<String, String>;

fn key_hash(key: &str) -> [u8; 32] {
    sha256(key.as_bytes())
}

fn new_key() -> Result<SessionKey, anyhow::Error> {
    Ok(SessionKey::try_from(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()?))?)
}

impl SessionStore for PostgresSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<Entries>, LoadError> {
        let mut conn = self.store.connection().await.map_err(|e| LoadError::Other(e.into()))?;
        let found = sessions::find_state(&mut conn, &key_hash(key.as_ref()), self.clock.now()).await;
        let text = found.map_err(|e| LoadError::Other(e.into()))?;
        text.map(|text| serde_json::from_str(&text).map_err(|e| LoadError::Deserialization(e.into()))).transpose()
    }

    async fn save(&self, entries: Entries, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = new_key().map_err(SaveError::Other)?;
        let now = self.clock.now();
        let identity = SessionState::read(&entries).identity;
        let signed_in = identity.signed_in();
        let session = NewSession {
            key_hash: key_hash(key.as_ref()),
            id: signed_in.map_or_else(|| SessionId(Uuid::new_v4()), |signed_in| signed_in.id),
            user: signed_in.map(|signed_in| (signed_in.user, signed_in.password_at.unwrap_or(Timestamp::UNIX_EPOCH))),
            state: serde_json::to_string(&entries).map_err(|e| SaveError::Serialization(e.into()))?,
            expires_at: now.saturating_add(identity.lasts()).unwrap_or(now),
            remote_ip: signed_in.and_then(|signed_in| signed_in.address),
            user_agent: signed_in.and_then(|signed_in| signed_in.agent.clone()),
        };
        // Where no session begins, the key opens nothing, and the next page asks to sign in.
        let inserting =
            self.store.transaction_without_standby(async |conn| sessions::insert(conn, &session, now).await);
        inserting.await.map_err(|e| SaveError::Other(e.into()))?;
        Ok(key)
    }

    async fn update(&self, key: SessionKey, mut entries: Entries, _: &Duration) -> Result<SessionKey, UpdateError> {
        let renews = SessionState::read(&entries).new_key;
        entries.remove("new_key");
        let text = serde_json::to_string(&entries).map_err(|e| UpdateError::Serialization(e.into()))?;
        let address = SessionState::read(&entries).identity.signed_in().and_then(|signed_in| signed_in.address);
        let mut conn = self.store.connection().await.map_err(|e| UpdateError::Other(e.into()))?;
        let new = match renews {
            true => Some(new_key().map_err(UpdateError::Other)?),
            false => None,
        };
        let (old_hash, new_hash) = (key_hash(key.as_ref()), key_hash(new.as_ref().unwrap_or(&key).as_ref()));
        // A session that was ended while this request ran stays ended.
        sessions::update_state(&mut conn, (&old_hash, &new_hash), &text, address)
            .await
            .map_err(|e| UpdateError::Other(e.into()))?;
        Ok(new.unwrap_or(key))
    }

    /// The end of a session is fixed when it begins, so there is nothing to extend; idleness is measured by its use.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let mut conn = self.store.connection().await?;
        Ok(sessions::delete(&mut conn, &key_hash(key.as_ref())).await?)
    }
}
