//! The middleware of every listener and of the pages.
//!
//! What every request passes on its way to a handler and back.

pub mod client_disconnect;
pub mod compress;
pub mod csrf;
pub mod error_pages;
pub mod gzip;
pub mod headers;
pub mod malformed_request;
pub mod request_context;
pub mod timeout;
