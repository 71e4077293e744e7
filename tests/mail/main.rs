//! Mail to users, handed to a real SMTP server that answers as a test wants it to.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod commands;
mod inbox;
mod links;
mod outbox;
mod serving;
mod warnings;
