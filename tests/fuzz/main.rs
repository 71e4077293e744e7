//! Parsers against input that nobody thought of: each for the seconds that `FUZZ_SECONDS` says, from seeds that differ each time.
//! A failure prints its seed; `FUZZ_SEED` repeats it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod budget;
mod grammar;
#[path = "../support/json.rs"]
mod json;
mod mutation;

mod basic_auth;
mod payload;
mod request_headers;
