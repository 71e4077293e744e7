//! Tools that send events, as the pages "Connect your tool" show them.

pub mod addresses;
mod automation;
mod code;
pub mod groups;
mod monitoring;
mod services;
pub mod tool;
