//! Rows of lists that several pages show, and the live connection sends.

pub(crate) mod alert_row;
pub(crate) mod audit_row;
pub(crate) mod event_row;
pub(crate) mod rejection_row;
