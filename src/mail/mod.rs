//! Mail: what mails say, and the SMTP client that hands them over.

pub mod smtp;
pub(crate) mod words;
