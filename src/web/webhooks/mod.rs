//! Settings → Integrations → Webhooks: credentials, what one can do with them, and the first steps.

pub mod card;
pub mod created;
pub mod credential_list;
pub mod credentials;
pub mod dialogs;
pub mod first_run;
pub mod holding;
pub mod notice_words;
pub mod spark;
