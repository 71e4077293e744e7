//! Settings → Account and what belongs to it: name and password, two-step sign-in, sessions, retention, the audit log, asking for the
//! password again, and the end of an account.

pub mod audit;
pub mod deletion;
pub mod details;
pub mod notice_words;
pub mod qr;
pub mod retention;
pub mod second_factor;
pub mod sessions;
