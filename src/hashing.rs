//! A bounded thread pool for argon2.
//!
//! argon2 off the async threads: a bounded number at once, a short queue, and beyond that an honest "busy". Senders and page
//! logins have a pool each, so that neither can starve the other.

use std::net::IpAddr;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::domain::audit::Act;
use crate::domain::ids::AccountId;
use crate::domain::network::queue_key;
use crate::domain::secret::Secret;
use crate::fair_queue::{FairQueue, Limits, QueueError};
use crate::metrics::Counter;

/// Memory of a new hash, in KiB (OWASP Password Storage: at least 19 MiB with two passes).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for. A planted row with more is refused, not obeyed.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 4;

/// The least room that a run asks for, in blocks of 1 KiB: more than 32 MiB, which is where glibc begins to give what is freed
/// back to the system at once. Less would stay with the thread that ran, and of these there are many.
const ROOM_BLOCKS: usize = 33 * 1_024;

/// A hash that nothing matches, for the names that nobody has: they cost the same time as the others.
pub(crate) const HASH_OF_NOTHING: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$bm9ib2R5J3MgcGFzc3dvcmQsIG1hdGNoZWQgYnkgbm8";

/// Whether a stored hash was made with lesser parameters than new ones are. An unreadable one is not: nothing matches it.
pub(crate) fn is_outdated(stored: &str) -> bool {
    let hash = PasswordHash::new(stored).ok();
    let params = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    params.is_some_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum HashingError {
    #[error("too many passwords are being verified at once")]
    Busy,
    #[error("a stored hash is unreadable or asks for more than is allowed")]
    Refused,
    #[error("hashing failed")]
    Failed,
}

/// In whose share of the queue a run is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Share {
    /// Senders: that of the account whose password it may be.
    Account(AccountId),
    /// Pages: that of the address that asks, whoever it says that it is.
    Address(IpAddr),
    /// Whoever runs the program.
    Program,
}

impl Share {
    /// That of whoever does something.
    pub(crate) fn of(act: &Act) -> Self {
        act.remote_ip.map_or(Self::Program, |ip| Self::Address(queue_key(ip)))
    }
}

/// A pool of argon2 runs.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: FairQueue<Share>,
    runs: Counter,
}

impl Hasher {
    /// At most `permits` runs at once and, of each share, `max_waiting` callers in the queue. Shares take turns.
    pub fn new(permits: usize, max_waiting: usize) -> Self {
        let limits = Limits { permits, per_key: permits, waiting_per_key: max_waiting };
        Self(Arc::new(Inner { queue: FairQueue::new(limits), runs: Counter::default() }))
    }

    /// How often argon2 ran since the start.
    pub fn runs(&self) -> u64 {
        self.0.runs.get()
    }

    /// How many callers wait for a run.
    pub(crate) fn waiting(&self) -> usize {
        self.0.queue.waiting()
    }

    /// How many callers found the queue of their share full since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.0.queue.refused()
    }

    /// Hashes with a fresh 16-byte salt; the answer is a PHC string with its parameters in it.
    pub(crate) async fn hash(&self, share: Share, secret: &Secret) -> Result<String, HashingError> {
        let secret = secret.clone();
        self.run(share, move || {
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashingError::Failed)?;
            let salt = Salt::generate();
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params).map_err(|_| HashingError::Failed)?,
                salt: Some(salt),
                hash: Some(digest(Algorithm::Argon2id, Version::V0x13, params, &secret, &salt)?),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares with a stored hash.
    pub(crate) async fn verify(&self, share: Share, secret: &Secret, stored: &str) -> Result<bool, HashingError> {
        let (secret, stored) = (secret.clone(), stored.to_owned());
        self.run(share, move || {
            let stored = PasswordHash::new(&stored).map_err(|_| HashingError::Refused)?;
            let params = Params::try_from(&stored).map_err(|_| HashingError::Refused)?;
            if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES || params.p_cost() > MAX_LANES {
                return Err(HashingError::Refused);
            }
            let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| HashingError::Refused)?;
            let version = stored.version.map_or(Ok(Version::default()), Version::try_from);
            let version = version.map_err(|_| HashingError::Refused)?;
            let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
                return Err(HashingError::Refused);
            };
            // Comparing outputs takes the same time for all.
            Ok(digest(algorithm, version, params, &secret, &salt)? == expected)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        share: Share,
        work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let inner = self.0.clone();
        let work = move |_: &mut _| {
            inner.runs.add(1);
            work()
        };
        self.0.queue.run(share, work).await.map_err(|error| match error {
            QueueError::Full | QueueError::TimedOut => HashingError::Busy,
            QueueError::Failed => HashingError::Failed,
        })?
    }
}

/// One run of argon2. Its memory is given back when it is over.
fn digest(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    secret: &Secret,
    salt: &[u8],
) -> Result<Output, HashingError> {
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    // Only what is used of the room takes memory.
    let mut memory = Vec::with_capacity(params.block_count().max(ROOM_BLOCKS));
    memory.resize(params.block_count(), Block::new());
    let argon2 = Argon2::new(algorithm, version, params);
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..length).ok_or(HashingError::Refused)?;
    argon2
        .hash_password_into_with_memory(secret.reveal().as_bytes(), salt, output, &mut memory)
        .map_err(|_| HashingError::Failed)?;
    Output::new(output).map_err(|_| HashingError::Failed)
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use jiff::Timestamp;

    use super::{HASH_OF_NOTHING, Hasher, HashingError, Share, is_outdated};
    use crate::domain::audit::Act;
    use crate::domain::secret::Secret;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    // holds C4
    #[tokio::test]
    async fn hashes_are_argon2id_with_the_owasp_parameters_and_a_16_byte_salt() {
        let hasher = Hasher::new(1, 8);
        let hash = hasher.hash(Share::Program, &secret("one")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let salt = hash.split('$').nth(4).unwrap();
        assert_eq!(salt.len(), 22, "16 bytes in base64 without padding");
        assert_ne!(hash, hasher.hash(Share::Program, &secret("one")).await.unwrap());
        assert!(hasher.verify(Share::Program, &secret("one"), &hash).await.unwrap());
        assert!(!hasher.verify(Share::Program, &secret("two"), &hash).await.unwrap());
        assert_eq!(hasher.runs(), 4);
        assert!(
            !hasher.verify(Share::Program, &secret("one"), HASH_OF_NOTHING).await.unwrap(),
            "readable, and matched by nothing"
        );
    }

    // holds C4
    #[tokio::test]
    async fn a_planted_hash_that_asks_for_4_gib_is_refused() {
        let planted = "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let hasher = Hasher::new(1, 8);
        assert!(matches!(hasher.verify(Share::Program, &secret("x"), planted).await, Err(HashingError::Refused)));
        assert!(matches!(hasher.verify(Share::Program, &secret("x"), "garbage").await, Err(HashingError::Refused)));
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

    // holds C4
    #[tokio::test]
    async fn the_library_and_we_read_each_others_hashes() {
        use argon2::{Argon2, PasswordHasher, PasswordVerifier};
        let hasher = Hasher::new(1, 8);
        for word in ["one", "two", "three"] {
            let ours = hasher.hash(Share::Program, &secret(word)).await.unwrap();
            Argon2::default().verify_password(word.as_bytes(), &*ours).unwrap();
            let small = argon2::Params::new(1_024, 3, 2, None).unwrap();
            let theirs = Argon2::from(small).hash_password(word.as_bytes()).unwrap().to_string();
            assert!(hasher.verify(Share::Program, &secret(word), &theirs).await.unwrap());
            assert!(!hasher.verify(Share::Program, &secret("four"), &theirs).await.unwrap());
        }
    }

    // holds A4
    #[tokio::test(flavor = "multi_thread")]
    async fn callers_who_hang_up_do_not_get_more_runs_at_once() {
        let hasher = Hasher::new(1, 64);
        let caller = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.hash(Share::Program, &secret("x")).await }
        });
        while hasher.runs() == 0 {
            tokio::task::yield_now().await;
        }
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(hasher.0.queue.held(), 1, "the run goes on, and so does its permit");
        hasher.hash(Share::Program, &secret("x")).await.unwrap();
    }

    // holds A4
    #[tokio::test]
    async fn beyond_the_queue_the_answer_is_busy() {
        let hasher = Hasher::new(1, 2);
        let tries: Vec<_> = (0..20)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash(Share::Program, &secret("x")).await })
            })
            .collect();
        let mut busy = 0;
        for each in tries {
            busy += u32::from(matches!(each.await.unwrap(), Err(HashingError::Busy)));
        }
        assert!((15..=19).contains(&busy), "{busy} of 20 were refused");
    }

    // holds A4
    #[tokio::test]
    async fn who_fills_a_share_of_the_queue_is_busy_alone_and_others_go_first() {
        let hasher = Hasher::new(1, 2);
        let by = Act::on_command_line(Timestamp::UNIX_EPOCH);
        let share = |ip: &str| Share::of(&Act { remote_ip: ip.parse().ok(), ..by.clone() });
        let (stranger, other) = (share("2001:db8:1:1::1"), share("192.0.2.2"));
        assert_eq!(stranger, share("2001:db8:1:2::1"), "another address of the same customer");
        let word = secret("x");
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(hasher.hash(stranger, &word))).collect();
        for one in &mut waiting {
            assert!(poll!(one.as_mut()).is_pending());
        }
        assert!(matches!(hasher.hash(stranger, &word).await, Err(HashingError::Busy)));
        hasher.hash(other, &word).await.unwrap();
        assert!(hasher.runs() <= 3, "the run that was under way, this one, and perhaps the next");
        for one in waiting {
            one.await.unwrap();
        }
    }
}
