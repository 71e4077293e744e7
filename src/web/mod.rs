//! HTTP: pages for people, one door for machines. `routes` has every address on one page; each handler file holds what one page
//! does, with its template beside it. Handlers extract, call, render; decisions are made below.

pub mod account;
pub mod answers;
pub mod assets;
pub mod audit;
pub mod chart;
pub mod credentials;
pub mod docs;
pub mod errors;
pub mod event;
pub mod events;
pub mod export;
pub mod filters;
pub mod forms;
pub mod headers;
pub mod health;
pub mod ingest;
pub mod json_view;
pub mod live;
pub mod outermost;
pub mod page;
pub mod problem;
pub mod reader;
pub mod rejections;
pub mod routes;
pub mod same_origin;
pub mod session;
pub mod sessions;
pub mod set_up;
pub mod shown;
pub mod sign_in;
pub mod sign_up;
pub mod site;
pub mod static_files;
pub mod theme;
pub mod webhooks;
