//! The scan: the events of an account in a span that pass a filter, a bounded part at a time. The list, live pages, `events tail`, exports,
//! counts, deletions and retention all go through it.

pub mod arrivals;
pub(crate) mod audit_scan;
pub mod budget;
pub(crate) mod candidates;
pub mod conditions;
pub mod event_scan;
pub(crate) mod following;
pub mod indexed_weeks;
pub(crate) mod judging;
pub mod keys;
pub mod look;
pub mod search_indexes;
pub mod searching;
pub(crate) mod sources;
pub(crate) mod span;
pub(crate) mod waiting;
pub(crate) mod whole_rows;
