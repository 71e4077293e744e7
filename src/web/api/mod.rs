//! `/api/v1`: what a browser can do with pages, a program can do with an API token. A scope of its own, without sessions, cookies and
//! redirects. Every act is one that pages do as well.

pub(crate) mod account;
pub(crate) mod alerts;
pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod authentication;
pub mod caller;
pub(crate) mod changes;
pub(crate) mod consumers;
pub(crate) mod credentials;
pub mod description;
pub(crate) mod errors;
pub(crate) mod events;
pub(crate) mod following;
pub(crate) mod json_body;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod overview;
pub(crate) mod problem_schema;
pub(crate) mod pulling;
pub(crate) mod rate_limit;
pub(crate) mod records;
pub(crate) mod reference;
pub(crate) mod rejections;
