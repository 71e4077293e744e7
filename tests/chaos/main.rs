//! The program while things break: real parts, a PostgreSQL for each test with everything on that guards its data, and between
//! the two, where a test needs it, a line that can be cut. Nothing here looks inside: requests go in, SQL comes out.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../benches/abuse/attacker.rs"]
mod attacker;
#[path = "../../benches/abuse/attacks.rs"]
mod attacks;
#[path = "../support/mod.rs"]
mod support;

mod program;
mod stage;
mod standby;

#[cfg(target_os = "linux")]
mod clocks;
mod commits;
mod consumer_ledger;
#[cfg(target_os = "linux")]
mod disk_full;
mod ending;
mod every_route;
mod failover;
mod instances;
#[cfg(target_os = "linux")]
mod large_bodies;
mod ledger;
mod lines;
mod neighbours;
mod outages;
mod overload;
mod pooler;
mod rolling_restarts;
mod standbys;
mod starvation;
mod storing;
