//! What arrived and what was refused: the lists, one event, overview, export, deletion.

pub mod comparison;
pub mod curl;
pub mod event;
pub mod event_body;
pub mod event_list;
pub mod export;
pub mod filtered_deletion;
pub mod overview;
pub mod rejections;
