//! Postgres: the only floor that speaks SQL. Each file holds the queries of one noun, as plain functions over a connection; the
//! caller decides what belongs into one transaction. The account comes first in every query and stands in its `where`.

pub mod accounts;
pub mod arrivals;
pub mod audit;
pub mod batches;
pub mod columns;
pub mod counts_by_time;
pub mod credential_secrets;
pub mod credential_uses;
pub mod credentials;
pub mod deleted_accounts;
pub mod embedded;
pub mod error;
pub mod event_batches;
pub mod event_counts;
pub mod event_deletions;
pub mod event_removals;
pub mod events;
pub mod held_events;
pub mod idempotency;
pub mod installation;
pub mod matching;
pub mod migrate;
pub mod notifications;
pub mod partitions;
pub mod pool;
pub mod prepared;
pub mod rejections;
pub mod schema;
pub mod search_indexes;
pub mod searching;
pub mod second_factors;
pub mod senders;
pub mod sessions;
pub mod settings;
pub mod users;
