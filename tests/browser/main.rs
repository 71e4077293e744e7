//! The pages in a real browser: the whole path from set-up to a revoked credential, with and without script and with the
//! keyboard alone, and what hostile senders leave on the pages.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

/// The walk through all pages and states, which the screenshots take too, and what they make of it.
#[path = "../../examples/screenshots/camera.rs"]
mod camera;
#[path = "../../examples/screenshots/gallery.rs"]
mod gallery;
#[path = "../../examples/screenshots/pictures.rs"]
mod pictures;
#[path = "../../examples/screenshots/shop.rs"]
mod shop;
#[path = "../../examples/screenshots/tour/mod.rs"]
mod tour;
use support::browser;

mod barriers;
mod choices;
mod completion;
mod confirm;
mod console;
mod credentials;
mod event_page;
mod export;
mod first_run;
mod hostile;
mod keyboard;
mod list;
mod live;
mod live_counts;
mod live_gaps;
mod paper;
mod peek;
mod screenshots;
mod search;
mod second_factor;
mod shown_once;
mod stranger;
mod visit;
mod weight;
mod whole_path;
mod without_script;
