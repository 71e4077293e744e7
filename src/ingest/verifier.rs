//! Password verification with a cache and request coalescing (single flight).
//!
//! Is this the password? A checksum tells forgeries without asking anybody; a cache remembers what argon2 said, so that it
//! runs once for each sender and not for each request. Whether the password may still be *used* is not decided here for
//! good: the transaction that stores the event asks again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::domain::basic_auth::BasicCredentials;
use crate::domain::credential::Username;
use crate::domain::credential_password::{CredentialPassword, HINT_CHARS};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::installation::{InstallationKeys, keyed_digest};
use crate::domain::rejection::Reason;
use crate::domain::sender_settings::SenderSettings;
use crate::domain::token_address::KIND;
use crate::hashing::{HASH_OF_NOTHING, Hasher, HashingError, Share, is_outdated};
use crate::ingest::holding::holds;
use crate::ingest::secret_cache::{SecretCache, Verified, in_time};
use crate::metrics::Counter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::credential_secrets::{self, SecretRow};
use crate::store::tables::token_addresses;

/// Entries of each cache.
const CACHE_ENTRIES: usize = 10_000;
/// An answer that nobody asked for within this time is forgotten, in milliseconds.
const MAX_IDLE_MS: i64 = 10 * 60 * 1_000;
/// An answer is forgotten after this time in any case, in milliseconds.
const MAX_AGE_MS: i64 = 60 * 60 * 1_000;

/// What came of it.
#[derive(Debug)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Verdict {
    Verified(Verified),
    /// The username is known, and this is why its owner should hear of the request.
    Refused {
        credential_id: CredentialId,
        account_id: AccountId,
        reason: Reason,
        hint: Option<String>,
        /// The password whose late events are held, where this is one.
        late: Option<Verified>,
    },
    /// The shape of the username is right; whether it exists was not looked up, since the checksum is wrong.
    Forged(Username),
    /// Nothing that anybody needs to hear of.
    Unknown,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
}

/// What picks a row: a username and the public hint of a password.
type SecretKey = (Username, [u8; HINT_CHARS]);

/// The verifier of one program.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Verifier {
    store: Store,
    hasher: Hasher,
    checksum_key: zeroize::Zeroizing<Vec<u8>>,
    /// Of this process alone: what the caches are keyed with cannot be computed outside.
    cache_key: [u8; 32],
    rows: SecretCache<SecretKey>,
    /// By the digest of their token.
    addresses: SecretCache<String>,
    right: Cache<[u8; 32], Arc<Answer>>,
    wrong: Cache<[u8; 32], Arc<Answer>>,
    pub verifications: Verifications,
}

/// How requests were verified.
#[derive(Debug, Default)]
pub struct Verifications {
    /// By what argon2 said a while ago.
    pub(crate) fast: Counter,
    /// By asking the database, and argon2 where it had not said already that the password is wrong.
    pub slow: Counter,
    /// By the checksum, which was wrong.
    pub(crate) forged: Counter,
}

/// When argon2 answered, and when that was last of use; in milliseconds since 1970.
#[derive(Debug)]
struct Answer {
    given_at: i64,
    used_at: AtomicI64,
}

impl Answer {
    fn new(now: Timestamp) -> Arc<Self> {
        let now = now.as_millisecond();
        Arc::new(Self { given_at: now, used_at: AtomicI64::new(now) })
    }

    fn still_counts(&self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        let counts = now - self.given_at < MAX_AGE_MS && now - self.used_at.load(Ordering::Relaxed) < MAX_IDLE_MS;
        if counts {
            self.used_at.store(now, Ordering::Relaxed);
        }
        counts
    }
}

impl Verifier {
    /// With an empty cache.
    pub fn new(store: Store, hasher: Hasher, keys: &InstallationKeys, cache_key: [u8; 32]) -> Self {
        Self {
            hasher,
            checksum_key: keys.checksum.clone(),
            cache_key,
            rows: SecretCache::new(store.clone(), CACHE_ENTRIES),
            addresses: SecretCache::new(store.clone(), CACHE_ENTRIES),
            right: Cache::new(CACHE_ENTRIES),
            wrong: Cache::new(CACHE_ENTRIES),
            verifications: Verifications::default(),
            store,
        }
    }

    /// The pool in which argon2 runs for senders.
    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// How often argon2 ran for senders.
    pub fn argon2_runs(&self) -> u64 {
        self.hasher.runs()
    }

    /// Takes what the `Authorization` header said and separates ours from forgeries: no database, no argon2.
    pub fn recognise(&self, input: BasicCredentials) -> Result<(Username, CredentialPassword), Verdict> {
        let username: Username = input.username.parse().map_err(|_| Verdict::Unknown)?;
        match CredentialPassword::recognise(&self.checksum_key, &username, input.password) {
            Some(password) => Ok((username, password)),
            None => {
                self.verifications.forged.add(1);
                Err(Verdict::Forged(username))
            }
        }
    }

    /// The verdict, if it takes neither the database nor argon2: a sender that was verified a moment ago.
    pub fn verify_cached(
        &self,
        username: &Username,
        password: &CredentialPassword,
        now: Timestamp,
    ) -> Option<Verified> {
        let row = self.rows.get(&secret_key(username, password), now)?;
        let answer = self.right.get(&self.answer_key(&row, password))?;
        let counts = usable(&row, now).is_ok() && answer.still_counts(now);
        counts.then(|| {
            self.verifications.fast.add(1);
            row
        })
    }

    /// The verdict on a token address.
    pub(crate) async fn verify_address(&self, input: &str, now: Timestamp) -> Result<Verdict, VerifyError> {
        let Some(token) = KIND.recognise(&self.checksum_key, input) else {
            self.verifications.forged.add(1);
            return Ok(Verdict::Unknown);
        };
        let hash = token.hash();
        if let Some(row) = self.addresses.get(&hash, now)
            && usable(&row, now).is_ok()
        {
            self.verifications.fast.add(1);
            return Ok(Verdict::Verified(row));
        }
        self.verifications.slow.add(1);
        let found =
            in_time(async { token_addresses::find_row(&mut *self.store.connection().await?, &hash).await }).await?;
        let Some(row) = found.map(Arc::new) else { return Ok(Verdict::Unknown) };
        Ok(match usable(&row, now) {
            Ok(()) => {
                self.addresses.insert(hash, row.clone(), now);
                Verdict::Verified(row)
            }
            Err(reason) => refused(&row, reason, Some(row.hint.clone()), None),
        })
    }

    /// The verdict on an expired password whose events are held, if it takes neither the database nor argon2. Whether they still are
    /// is asked again before anything is kept.
    pub(crate) fn late_cached(
        &self,
        username: &Username,
        password: &CredentialPassword,
        now: Timestamp,
    ) -> Option<Verdict> {
        let row = self.rows.get(&secret_key(username, password), now)?;
        let answer = self.right.get(&self.answer_key(&row, password))?;
        let is_late = holds(&row, now) && answer.still_counts(now);
        is_late.then(|| refused(&row, Reason::ExpiredPassword, Some(row.hint.clone()), Some(row.clone())))
    }

    /// The verdict, whatever it takes.
    pub async fn verify(
        &self,
        username: &Username,
        password: &CredentialPassword,
        now: Timestamp,
    ) -> Result<Verdict, VerifyError> {
        if let Some(verified) = self.verify_cached(username, password, now) {
            return Ok(Verdict::Verified(verified));
        }
        self.verifications.slow.add(1);
        let found = in_time(async {
            let mut conn = self.store.connection().await?;
            credential_secrets::find_by_hint(&mut conn, username, password.hint()).await
        })
        .await?;
        let Some(row) = found else {
            // Only an installation's own key makes such a password; it costs the same time as a known one.
            self.matches(&dummy_secret(), password, now).await?;
            return Ok(Verdict::Unknown);
        };
        if !self.matches(&row, password, now).await? {
            return Ok(refused(&row, Reason::WrongPassword, None, None));
        }
        let row = Arc::new(row);
        let reason = usable(&row, now).err();
        let is_late = reason.is_some() && holds(&row, now);
        if reason.is_none() || is_late {
            self.rows.insert(secret_key(username, password), row.clone(), now);
        }
        Ok(match reason {
            None => Verdict::Verified(row),
            Some(reason) => {
                let late = is_late.then(|| row.clone());
                refused(&row, reason, Some(row.hint.clone()), late)
            }
        })
    }

    /// Asks the database again whether a verified sender may still send, and how. For requests that are refused for another reason
    /// after verification: their sender hears of that reason only if it still holds a good password.
    pub(crate) async fn confirm(
        &self,
        verified: &SecretRow,
        now: Timestamp,
    ) -> Result<Result<SecretRow, Reason>, StoreError> {
        let row = in_time(async {
            let mut conn = self.store.connection().await?;
            credential_secrets::find_row(&mut conn, verified.secret_id).await
        })
        .await?;
        Ok(row.map_or(Err(Reason::RevokedPassword), |row| usable(&row, now).map(|()| row)))
    }

    /// Drops what is remembered of a password that the database no longer lets in, so that its next request is refused before
    /// its body is read.
    pub(crate) fn forget(&self, secret: SecretId) {
        self.retain(|row| row.secret_id != secret);
    }

    /// Drops what is remembered of a credential whose settings have changed, so that its next request goes by them.
    pub(crate) fn forget_credential(&self, credential: CredentialId) {
        self.retain(|row| row.credential_id != credential);
    }

    fn retain(&self, is_kept: impl Fn(&SecretRow) -> bool) {
        self.rows.retain(&is_kept);
        self.addresses.retain(&is_kept);
    }

    /// Whether argon2 accepts the password, as remembered or as it says now. Callers with the same question at the same
    /// time share one run.
    async fn matches(
        &self,
        row: &SecretRow,
        password: &CredentialPassword,
        now: Timestamp,
    ) -> Result<bool, HashingError> {
        let key = self.answer_key(row, password);
        if let Some(answer) = self.right.get(&key) {
            if answer.still_counts(now) {
                return Ok(true);
            }
            self.right.remove(&key);
        }
        let guard = match self.right.get_value_or_guard_async(&key).await {
            Ok(_) => return Ok(true),
            Err(guard) => guard,
        };
        if self.wrong.get(&key).is_some_and(|answer| answer.still_counts(now)) {
            return Ok(false);
        }
        if self.hasher.verify(Share::Account(row.account_id), password.secret(), &row.hash).await? {
            // Only fails when the entry was removed meanwhile, and then it is verified again next time.
            let _ = guard.insert(Answer::new(now));
            self.renew(row, password);
            Ok(true)
        } else {
            self.wrong.insert(key, Answer::new(now));
            Ok(false)
        }
    }

    /// Hashes a password anew if its hash was made with lesser parameters than today's: beside the request, which does not wait.
    fn renew(&self, row: &SecretRow, password: &CredentialPassword) {
        if !is_outdated(&row.hash) {
            return;
        }
        let (store, hasher, secret) = (self.store.clone(), self.hasher.clone(), password.secret().clone());
        let (id, old, share) = (row.secret_id, row.hash.clone(), Share::Account(row.account_id));
        tokio::spawn(async move {
            let renewing = async {
                let new = hasher.hash(share, &secret).await?;
                Ok::<_, VerifyError>(
                    credential_secrets::replace_hash(&mut *store.connection().await?, id, &old, &new).await?,
                )
            };
            if let Err(error) = renewing.await {
                tracing::warn!(%error, "an outdated hash stays for now; its next verification tries again");
            }
        });
    }

    /// Contains the stored hash, so that no answer outlives the hash it was about (CVE-2022-46146), and is unambiguous.
    fn answer_key(&self, row: &SecretRow, password: &CredentialPassword) -> [u8; 32] {
        let password = password.secret().reveal().as_bytes();
        keyed_digest(&self.cache_key, &[row.secret_id.0.as_bytes(), row.hash.as_bytes(), password])
    }
}

/// Whether a password, known to be right, may be used now; if not, the reason that its owner is told.
pub(crate) fn usable(row: &SecretRow, now: Timestamp) -> Result<(), Reason> {
    if row.revoked {
        Err(Reason::RevokedPassword)
    } else if row.expires_at.is_some_and(|end| end <= now) {
        Err(Reason::ExpiredPassword)
    } else if row.disabled {
        Err(Reason::CredentialDisabled)
    } else if !row.plan.includes_webhooks() {
        Err(Reason::ProRequired)
    } else {
        Ok(())
    }
}

fn secret_key(username: &Username, password: &CredentialPassword) -> SecretKey {
    (*username, password.hint_bytes())
}

fn refused(row: &SecretRow, reason: Reason, hint: Option<String>, late: Option<Verified>) -> Verdict {
    Verdict::Refused { credential_id: row.credential_id, account_id: row.account_id, reason, hint, late }
}

fn dummy_secret() -> SecretRow {
    SecretRow {
        secret_id: SecretId(Uuid::nil()),
        credential_id: CredentialId(Uuid::nil()),
        account_id: AccountId(Uuid::nil()),
        hint: String::new(),
        hash: HASH_OF_NOTHING.to_owned(),
        expires_at: None,
        revoked: true,
        disabled: true,
        plan: Plan::Free,
        holds_late_events: false,
        settings: SenderSettings::default(),
    }
}
