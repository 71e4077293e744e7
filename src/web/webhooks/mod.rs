//! Settings → Integrations → Webhooks: credentials, what one can do with them, and the first steps.

pub(crate) mod created;
pub(crate) mod credential_list;
pub(crate) mod credential_page;
pub(crate) mod credential_row;
pub(crate) mod credentials;
pub(crate) mod dialogs;
pub(crate) mod first_run;
pub(crate) mod holding;
pub(crate) mod list_query;
pub(crate) mod notice_words;
pub(crate) mod origin;
pub(crate) mod password_history;
pub(crate) mod password_notices;
pub(crate) mod sender_settings;
pub(crate) mod spark;
