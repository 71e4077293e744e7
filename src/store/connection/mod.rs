//! Connections: how they are opened and pooled, prepared and migrated, and what fails on them.

pub mod columns;
pub mod connect;
pub mod error;
pub mod migrate;
pub mod notifications;
pub mod pacing;
pub mod pool;
pub mod schema;
pub mod settings;
pub mod statement;
pub mod storage_attempt;
