//! The ingest engine.
//!
//! What happens between a POST and its answer. `receive` is the order of things; the other files are its
//! parts. The writer is where the events go to disk, and nothing above it knows how.

pub(crate) mod authenticate;
pub(crate) mod batch;
pub(crate) mod batch_queue;
pub(crate) mod body;
pub mod content;
pub(crate) mod full_accounts;
pub mod head;
pub(crate) mod holding;
pub(crate) mod inflate;
pub(crate) mod limiter;
pub(crate) mod memory_budget;
pub(crate) mod notifier;
pub(crate) mod outcomes;
pub(crate) mod receipt;
pub mod receive;
pub(crate) mod receive_batch;
pub(crate) mod refusal;
pub(crate) mod refuse;
pub(crate) mod secret_cache;
pub(crate) mod split;
pub(crate) mod stopped;
pub(crate) mod storage_health;
pub mod usage;
pub mod verifier;
pub mod writer;
