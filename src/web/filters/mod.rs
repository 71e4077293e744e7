//! What lists are filtered by: credential, text, time. What an address says, what the reader can choose, and the links that keep it.

pub(crate) mod filter_choices;
pub(crate) mod filter_links;
pub(crate) mod list_filters;
pub(crate) mod nearest;
pub(crate) mod search_error;
pub(crate) mod time_range;
