//! Settings → Account and what belongs to it: name and password, two-step sign-in, sessions, alerts, retention, the audit log, asking for the
//! password again, and the end of an account.

pub(crate) mod alert_rules;
pub(crate) mod alerts;
pub(crate) mod api_token;
pub(crate) mod api_tokens;
pub(crate) mod audit;
pub(crate) mod consumer;
pub(crate) mod consumers;
pub(crate) mod deletion;
pub(crate) mod details;
pub(crate) mod notice_words;
pub(crate) mod qr;
pub(crate) mod retention;
pub(crate) mod second_factor;
pub(crate) mod sessions;
