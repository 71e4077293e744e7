//! Connections: how they are opened and pooled, prepared and migrated, and what fails on them.

pub(crate) mod columns;
pub mod connect;
pub mod error;
pub mod migrate;
pub mod notifications;
pub mod pacing;
pub mod pool;
mod privileges;
pub mod schema;
pub mod settings;
pub(crate) mod standbys;
pub(crate) mod statement;
pub(crate) mod storage_attempt;
