//! What is true, whatever the database or the network: names, formats, rules and states. No clock, no randomness and no
//! input or output of its own: time and random bytes come in as arguments.

pub mod account;
pub mod account_password;
pub mod aead;
pub mod audit;
pub mod audit_detail;
pub mod basic_auth;
pub mod credential;
pub mod credential_password;
pub mod cursor;
pub(crate) mod deletion;
pub mod device;
pub(crate) mod digest;
pub(crate) mod email;
pub mod escape_invisible;
pub mod event;
pub mod expiry;
pub mod holding;
pub mod ids;
pub mod installation;
pub mod leak;
pub mod listing;
pub mod network;
pub mod overlap;
pub mod payload;
pub mod position;
pub mod query;
pub mod rejection;
pub mod request_headers;
pub mod retention;
pub mod second_factor;
pub mod secret;
pub mod time;
pub mod trace;
pub(crate) mod upkeep_clock;
