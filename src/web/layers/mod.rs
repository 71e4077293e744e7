//! What every request passes on its way to a handler and back.

pub mod compress;
pub mod deadline;
pub mod error_pages;
pub mod gzip;
pub mod headers;
pub mod leaving;
pub mod outermost;
pub mod same_origin;
pub mod unparsed;
