//! The embedded default: with no `DATABASE_URL`, the program runs a real PostgreSQL of its own, from the server
//! programs that are on the machine.
//!
//! The way in is [`cluster::Cluster`]: start it, use its address, stop it. A [`supervisor::Supervisor`] keeps it running. Several programs may do so on one data
//! directory; the first starts the server and the last stops it. What is promised about it to users stands in the
//! contract under "The embedded default".
//!
//! What lies in the data directory: `postgres/` (the cluster), `postgres.log`, `postgres.lock` and `postgres.users`
//! (the two locks), and `postgres.id` where a place outside the data directory is needed. Outside of it, a small file
//! remembers that there was a cluster (`known_clusters`). Nothing in here reads the environment, and nothing in here knows
//! tables: migrations and pools are `store`'s.

pub(crate) mod supervisor;

pub mod cluster;

pub mod cluster_location;
pub mod known_clusters;
pub mod lock;
pub mod owner;

pub mod binaries;
pub mod initdb;
pub mod installation;
pub(crate) mod packages;

pub(crate) mod inspection;
pub(crate) mod running;
pub(crate) mod server;
pub(crate) mod server_files;
pub(crate) mod stopping;

pub(crate) mod client_authentication;
pub(crate) mod database;
pub(crate) mod identity;
pub(crate) mod log;
pub(crate) mod postmaster;
pub(crate) mod process;
pub mod socket;

pub(crate) mod error;
pub mod files;
