//! The way in: signing in and up, and the set-up link.

pub(crate) mod forgotten_password;
pub(crate) mod mailed_link;
pub(crate) mod new_account;
pub(crate) mod resumed_form;
pub(crate) mod set_up;
pub(crate) mod sign_up;
pub(crate) mod with_code;
pub(crate) mod with_link;
pub(crate) mod with_password;
