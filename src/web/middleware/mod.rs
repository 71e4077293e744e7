//! The middleware of every listener and of the pages.
//!
//! What every request passes on its way to a handler and back.

pub(crate) mod client_disconnect;
pub(crate) mod compress;
pub(crate) mod csrf;
pub(crate) mod error_pages;
pub(crate) mod form_keeping;
pub(crate) mod gzip;
pub(crate) mod headers;
pub(crate) mod host_names;
pub(crate) mod malformed_request;
pub mod request_context;
pub(crate) mod timeout;
pub(crate) mod turn;
pub(crate) mod visitors;
