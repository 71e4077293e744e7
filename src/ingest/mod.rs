//! The ingest engine.
//!
//! What happens between a POST and its answer. `receive` is the order of things; the other files are its
//! parts. The writer is where the events go to disk, and nothing above it knows how.

pub mod authenticate;
pub mod batch;
pub mod head;
pub mod holding;
pub mod limiter;
pub mod memory_budget;
pub mod notifier;
pub mod outcomes;
pub mod receipt;
pub mod receive;
pub mod refusal;
pub mod storage_health;
pub mod usage;
pub mod verifier;
pub mod writer;
