//! What lists are filtered by: credential, text, time. What an address says, what the reader can choose, and the links that keep it.

pub mod filter_choices;
pub mod filter_links;
pub mod list_filters;
pub mod search_error;
pub mod time_range;
