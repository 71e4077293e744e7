//! The API as programs of other people read its description: asked by schemathesis, linted by Redocly, called by a client that
//! openapi-typescript makes.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod rotation;
mod schemathesis;
mod tools;
