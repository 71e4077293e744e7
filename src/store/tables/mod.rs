//! Tables: a file for each, or for what is done to several in one transaction.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod batch_columns;
pub mod batches;
pub(crate) mod counts_by_time;
pub(crate) mod credential_secrets;
pub(crate) mod credential_uses;
pub(crate) mod credentials;
pub(crate) mod deleted_accounts;
pub mod detached_weeks;
pub(crate) mod event_counts;
pub(crate) mod event_deletions;
pub mod event_removals;
pub mod events;
pub mod held_events;
pub(crate) mod idempotency;
pub(crate) mod installation;
pub mod old_rows;
pub mod partitions;
pub mod rejections;
pub(crate) mod second_factors;
pub(crate) mod senders;
pub(crate) mod sessions;
pub(crate) mod token_addresses;
pub(crate) mod upkeep;
pub mod users;
