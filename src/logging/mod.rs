//! How the program speaks while it runs.

pub(crate) mod line_limit;
pub mod log;
