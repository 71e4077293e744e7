//! Programs of other people that send events, each as its manual says: straight to the server, and through nginx with TLS.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod authority;
mod command_line;
mod coverage;
mod program;
mod scene;
mod scripts;
mod services;
