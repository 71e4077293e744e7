//! What arrived and what was refused: the lists, their filters, one event, overview, export, deletion.

pub mod chart;
pub mod comparison;
pub mod curl;
pub mod event;
pub mod event_body;
pub mod event_list;
pub mod export;
pub mod filter_choices;
pub mod filter_links;
pub mod filtered_deletion;
pub mod filters;
pub mod overview;
pub mod rejections;
pub mod search_error;
pub mod time_range;
