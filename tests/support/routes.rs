//! The routes of the public listener, as the program's own tables have them.

use reasoner_webhooks::web::routes::{OUTSIDE_PAGES, PAGES};

/// Each method and address, with `{id}` and the like as they stand there. Ingest at `/` has a guard of its own and no row.
pub fn routes() -> Vec<(&'static str, String)> {
    let rows = OUTSIDE_PAGES.iter().chain(PAGES).map(|route| (route.method, route.path.to_owned()));
    [("POST", "/".to_owned())].into_iter().chain(rows).collect()
}
