//! The program over HTTP and on the command line, over a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod accounts;
mod answers;
mod atomic;
mod audit;
mod backup;
mod bodies;
mod command_line;
mod command_lines;
mod confirm;
mod copied_curl;
mod credentials;
mod crowd;
mod dashboard;
mod deletion;
mod detached_weeks;
mod devices;
mod docs;
mod durability;
mod event_deletion;
mod event_page;
mod every_page;
mod expiry;
mod exports;
mod first_steps;
mod framing;
mod guesses;
mod hashing;
mod headers;
mod holding;
mod home;
mod junk;
mod leaks;
mod live;
mod logs;
mod metrics;
mod monitoring;
mod notices;
mod old_hashes;
mod overview;
mod packages;
mod readme;
mod rejections;
mod retention;
mod round_trips;
mod sameness;
mod schema;
mod second_factor;
mod secrets;
mod sessions;
mod sign_in;
mod slow;
mod starting;
mod stopping;
mod tail;
mod throttling;
mod unprinted;
mod upkeep;
mod upkeep_clock;
mod weight;
mod without_extension;
