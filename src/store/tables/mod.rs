//! Tables: a file for each, or for what is done to several in one transaction.

pub mod accounts;
pub mod audit;
pub mod batch_columns;
pub mod batches;
pub mod counts_by_time;
pub mod credential_secrets;
pub mod credential_uses;
pub mod credentials;
pub mod deleted_accounts;
pub mod detached_weeks;
pub mod event_counts;
pub mod event_deletions;
pub mod event_removals;
pub mod events;
pub mod held_events;
pub mod idempotency;
pub mod installation;
pub mod old_rows;
pub mod partitions;
pub mod rejections;
pub mod second_factors;
pub mod senders;
pub mod sessions;
pub mod upkeep;
pub mod users;
