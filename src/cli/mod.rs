//! The terminal: one file for each group of commands. A command opens the database, acts, prints, and lets go.

pub mod account;
pub mod addresses;
pub mod args;
pub mod checks;
pub mod credential;
pub mod doctor;
pub mod ended;
pub mod events;
pub mod failure;
pub mod leaks;
pub mod manual;
pub mod output;
pub mod ready;
pub mod run;
pub mod tail;
pub mod usage;
