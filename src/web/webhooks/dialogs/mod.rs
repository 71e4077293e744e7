//! The questions of the Webhooks page that need an answer first: each is a dialog at an address of its own, so that it works without
//! script. What is on the page behind it is not known here.

pub mod credential_forms;
pub mod dialog;
pub mod expiry_form;
pub mod refused;
pub mod rotate_form;
