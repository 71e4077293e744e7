//! What the tests over HTTP share: a real PostgreSQL for each test program, a database of its own for each test, the server that
//! `serve` runs, and the actors: a visitor, signed-in people, and senders.
#![allow(dead_code, clippy::allow_attributes, clippy::allow_attributes_without_reason)]

pub mod actors;
pub mod api_program;
pub mod authenticator;
pub mod belongings;
pub mod browser;
pub mod chaos_proxy;
pub mod docs;
pub mod event_rows;
pub mod faketime;
pub mod follower;
pub mod json;
pub mod memory;
pub mod nginx;
pub mod not_tried;
pub mod postgres;
pub mod postgres_versions;
pub mod private_postgres;
pub mod routes;
pub mod running;
pub mod server;
pub mod upkeep;
pub mod wire;
pub mod workplace;
