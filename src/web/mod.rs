//! HTTP: pages for people, an endpoint for machines. `routes` has every address on one page; each handler file holds what one page
//! does, with its template beside it. Handlers extract, call, render; decisions are made below.

pub mod account;
pub mod app_state;
pub mod assets;
pub mod confirm;
pub mod current_user;
pub mod docs;
pub mod errors;
pub mod events;
pub mod format;
pub mod forms;
pub mod health;
pub mod ingest;
pub mod json_view;
pub mod live;
pub mod middleware;
pub mod page;
pub mod problem;
pub mod problem_codes;
pub mod responses;
pub mod routes;
pub mod sign_in;
pub mod static_files;
pub mod theme;
pub mod webhooks;
pub mod zone;
