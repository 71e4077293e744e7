//! The terminal: one file for each group of commands. A command opens the database or asks the API, acts,
//! prints, and lets go.

pub(crate) mod account;
pub(crate) mod account_limits;
pub mod addresses;
pub(crate) mod api_credentials;
pub(crate) mod api_event;
pub(crate) mod api_events;
pub mod args;
pub mod checks;
pub(crate) mod consumer;
pub(crate) mod credential;
pub mod doctor;
pub mod ended;
pub mod events;
pub mod failure;
pub(crate) mod follow;
pub(crate) mod forward;
pub(crate) mod keys;
pub(crate) mod leaks;
pub(crate) mod listen;
pub(crate) mod mail;
pub(crate) mod manual;
pub(crate) mod output;
pub mod ready;
pub mod run;
pub(crate) mod sender_settings;
pub(crate) mod sign_in_link;
pub mod tail;
pub(crate) mod token;
pub mod usage;
