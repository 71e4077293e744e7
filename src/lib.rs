//! Reasoner Webhooks: any system that can POST JSON with HTTP Basic authentication sends events here; a 200 means that the
//! event is in Postgres. The layers, from the lowest up: `domain`, `store`, `ingest` and `app`, `web` and `cli`, `server`.

#![deny(missing_docs)]

pub mod app;
pub mod cli;
mod client;
pub mod clock;
mod computing;
pub mod config;
pub mod database;
pub mod domain;
pub mod embedded;
mod fair_queue;
pub mod hashing;
pub mod ingest;
pub mod logging;
pub mod mail;
pub mod metrics;
pub mod random;
pub mod server;
pub mod store;
mod tls;
pub mod web;
