//! HTTP: pages for people, one door for machines. `routes` has every address on one page; each handler file holds what one page
//! does, with its template beside it. Handlers extract, call, render; decisions are made below.

pub mod account;
pub mod answers;
pub mod assets;
pub mod docs;
pub mod errors;
pub mod events;
pub mod forms;
pub mod health;
pub mod ingest;
pub mod json_view;
pub mod layers;
pub mod live;
pub mod page;
pub mod problem;
pub mod problem_codes;
pub mod reader;
pub mod routes;
pub mod shown;
pub mod sign_in;
pub mod site;
pub mod static_files;
pub mod theme;
pub mod webhooks;
pub mod weight;
pub mod zone;
