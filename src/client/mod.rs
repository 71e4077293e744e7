//! What commands speak to other programs with.

pub(crate) mod api;
pub(crate) mod backoff;
pub(crate) mod http;
