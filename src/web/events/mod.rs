//! What arrived and what was refused: the lists, one event, overview, export, deletion.

pub(crate) mod comparison;
pub(crate) mod completions;
pub(crate) mod curl;
pub(crate) mod event;
pub(crate) mod event_body;
pub(crate) mod event_list;
pub(crate) mod export;
pub(crate) mod filtered_deletion;
pub(crate) mod overview;
pub(crate) mod rejection;
pub(crate) mod rejections;
pub(crate) mod saved_dialog;
pub(crate) mod saved_searches;
pub(crate) mod selection;
pub(crate) mod setting_offers;
