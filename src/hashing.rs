//! argon2 off the async threads: a bounded number at once, a short queue, and beyond that an honest "busy". Senders and page
//! logins have a pool each, so that neither can starve the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use tokio::sync::Semaphore;

use crate::domain::secret::Secret;

/// Memory of a new hash, in KiB (OWASP Password Storage: at least 19 MiB with two passes).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for. A planted row with more is refused, not obeyed.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 4;

/// A hash that nothing matches, for the names that nobody has: they cost the same time as the others.
pub const HASH_OF_NOTHING: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$bm9ib2R5J3MgcGFzc3dvcmQsIG1hdGNoZWQgYnkgbm8";

/// Whether a stored hash was made with lesser parameters than new ones are. An unreadable one is not: nothing matches it.
pub fn is_outdated(stored: &str) -> bool {
    let hash = PasswordHash::new(stored).ok();
    let params = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    params.is_some_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("too many passwords are being verified at once")]
    Busy,
    #[error("a stored hash is unreadable or asks for more than is allowed")]
    Refused,
    #[error("hashing failed")]
    Failed,
}

/// A pool of argon2 runs.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    permits: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
    runs: AtomicU64,
}

impl Hasher {
    /// At most `permits` runs at once and `max_waiting` callers in the queue.
    pub fn new(permits: usize, max_waiting: usize) -> Self {
        Self(Arc::new(Inner {
            permits: Semaphore::new(permits),
            waiting: AtomicUsize::new(0),
            max_waiting,
            runs: AtomicU64::new(0),
        }))
    }

    /// How often argon2 ran since the start.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    /// Hashes with a fresh 16-byte salt; the answer is a PHC string with its parameters in it.
    pub async fn hash(&self, secret: &Secret) -> Result<String, HashingError> {
        let secret = secret.clone();
        self.run(move || {
            let hash = argon2()?.hash_password(secret.reveal().as_bytes()).map_err(|_| HashingError::Failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares with a stored hash.
    pub async fn verify(&self, secret: &Secret, stored: &str) -> Result<bool, HashingError> {
        let (secret, stored) = (secret.clone(), stored.to_owned());
        self.run(move || {
            let hash = PasswordHash::new(&stored).map_err(|_| HashingError::Refused)?;
            let params = Params::try_from(&hash).map_err(|_| HashingError::Refused)?;
            if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES || params.p_cost() > MAX_LANES {
                return Err(HashingError::Refused);
            }
            Ok(argon2()?.verify_password(secret.reveal().as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let inner = &self.0;
        let place = QueuePlace::take(inner)?;
        let permit = inner.permits.acquire().await.map_err(|_| HashingError::Failed)?;
        drop(place);
        inner.runs.fetch_add(1, Ordering::Relaxed);
        let result = tokio::task::spawn_blocking(work).await.map_err(|_| HashingError::Failed)?;
        drop(permit);
        result
    }
}

/// A place in the queue, given back when the permit is there or the caller has gone.
struct QueuePlace<'a>(&'a Inner);

impl<'a> QueuePlace<'a> {
    fn take(inner: &'a Inner) -> Result<Self, HashingError> {
        let before = inner.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(inner);
        // With a permit free the "queue" is only passed through, so it has room for one even when it may not hold any.
        if before >= inner.max_waiting.max(1) { Err(HashingError::Busy) } else { Ok(place) }
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Result<Argon2<'static>, HashingError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashingError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::{HASH_OF_NOTHING, Hasher, HashingError, is_outdated};
    use crate::domain::secret::Secret;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    // holds C4
    #[tokio::test]
    async fn hashes_are_argon2id_with_the_owasp_parameters_and_a_16_byte_salt() {
        let hasher = Hasher::new(1, 8);
        let hash = hasher.hash(&secret("one")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let salt = hash.split('$').nth(4).unwrap();
        assert_eq!(salt.len(), 22, "16 bytes in base64 without padding");
        assert_ne!(hash, hasher.hash(&secret("one")).await.unwrap());
        assert!(hasher.verify(&secret("one"), &hash).await.unwrap());
        assert!(!hasher.verify(&secret("two"), &hash).await.unwrap());
        assert_eq!(hasher.runs(), 4);
        assert!(!hasher.verify(&secret("one"), HASH_OF_NOTHING).await.unwrap(), "readable, and matched by nothing");
    }

    // holds C4
    #[tokio::test]
    async fn a_planted_hash_that_asks_for_4_gib_is_refused() {
        let planted = "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let hasher = Hasher::new(1, 8);
        assert!(matches!(hasher.verify(&secret("x"), planted).await, Err(HashingError::Refused)));
        assert!(matches!(hasher.verify(&secret("x"), "garbage").await, Err(HashingError::Refused)));
    }

    // holds C4
    #[test]
    fn a_hash_with_lesser_parameters_is_outdated_and_a_dearer_one_is_not() {
        let hash =
            |params: &str| format!("$argon2id$v=19${params}$bm9ib2R5J3Mgc2FsdA$bm9ib2R5J3MgcGFzc3dvcmQsIG1hdGNoZWQ");
        assert!(!is_outdated(HASH_OF_NOTHING));
        assert!(is_outdated(&hash("m=19455,t=2,p=1")));
        assert!(is_outdated(&hash("m=19456,t=1,p=1")));
        assert!(!is_outdated(&hash("m=65536,t=3,p=4")));
        assert!(!is_outdated("garbage"));
    }

    // holds A4
    #[tokio::test]
    async fn beyond_the_queue_the_answer_is_busy() {
        let hasher = Hasher::new(1, 2);
        let tries: Vec<_> = (0..20)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash(&secret("x")).await })
            })
            .collect();
        let mut busy = 0;
        for each in tries {
            busy += u32::from(matches!(each.await.unwrap(), Err(HashingError::Busy)));
        }
        assert!((15..=19).contains(&busy), "{busy} of 20 were refused");
    }
}
