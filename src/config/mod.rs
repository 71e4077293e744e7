//! What the program is told: every option is a flag and an environment variable. All of it is read and checked here, before
//! anything is opened, and every wrong value is reported at once. No other folder reads the environment.

pub mod checked;
pub mod environment;
mod key_file;
mod mail;
pub mod options;
pub(crate) mod remote;
pub mod values;
