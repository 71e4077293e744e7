//! The way in: signing in and up, the set-up link, sessions and the throttle of guesses.

pub mod device;
pub mod new_account;
pub mod session;
pub mod set_up;
pub mod sign_up;
pub mod throttle;
pub mod with_code;
pub mod with_password;
