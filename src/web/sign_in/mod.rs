//! The way in: signing in and up, and the set-up link.

pub mod new_account;
pub mod set_up;
pub mod sign_up;
pub mod with_code;
pub mod with_password;
