//! The embedded default: with no `DATABASE_URL`, the program runs a real PostgreSQL of its own, from the server
//! programs that are on the machine.
//!
//! The way in is [`cluster::Cluster`]: start it, use its address, stop it. Several programs may do so on one data
//! directory; the first starts the server and the last stops it. What is promised about it to users stands in the
//! contract under "The embedded default".
//!
//! What lies in the data directory: `postgres/` (the cluster), `postgres.log`, `postgres.lock` and `postgres.users`
//! (the two locks), and `postgres.id` where a place outside the data directory is needed. Nothing in here reads the
//! environment, and nothing in here knows tables: migrations and pools are `store`'s.

pub mod cluster;

pub mod lock;
pub mod owner;
pub mod place;

pub mod binaries;
pub mod initdb;
pub mod installation;
pub mod packages;

pub mod server;
pub mod stopping;

pub mod database;
pub mod log;
pub mod postmaster;
pub mod process;
pub mod socket;

pub mod error;
pub mod files;
