//! Searching what was received: what the database drops and what the search decides agree, a look is bounded and goes on where it
//! ended, closed weeks are searched by their indexes, and searches stay apart from the rest. Over a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod apart;
mod filled;
mod filters;
mod indexes;
mod pages;
mod parts;
mod steps;
