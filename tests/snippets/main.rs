//! Every example of the documentation, taken from the page as a reader copies it, and run.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod api_calls;
mod challenges;
mod commands;
mod coverage;
mod line;
mod moving;
mod operations;
mod redirects;
mod searches;
mod senders;
mod stage;
