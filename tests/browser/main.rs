//! The pages in a real browser: the whole path from set-up to a revoked credential, with and without script and with the
//! keyboard alone, and what hostile senders leave on the pages.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod confirm;
mod console;
mod hostile;
mod keyboard;
mod second_factor;
mod shown_once;
mod visit;
mod whole_path;
mod without_script;
