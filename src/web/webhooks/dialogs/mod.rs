//! The questions of the Webhooks page that need an answer first: each is a dialog at an address of its own, so that it works without
//! script. What is on the page behind it is not known here.

pub(crate) mod credential_forms;
pub(crate) mod dialog;
pub(crate) mod expiry_form;
pub(crate) mod refused;
pub(crate) mod rotate_form;
