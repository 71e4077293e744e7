//! For load balancers: alive says that the program answers, ready that it should be sent requests.

use std::time::Duration;

use actix_web::{HttpResponse, web};

use crate::store::error::StoreError;
use crate::store::pool::Store;
use crate::store::{migrate, settings};
use crate::web::site::Site;

/// A database that has not answered by then is out of reach.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// `GET /healthz`
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: the database is reachable and takes writes, its schema is current, and the program is not about to end.
pub async fn ready(site: web::Data<Site>) -> HttpResponse {
    let problem = if site.is_draining() { Some("draining") } else { database_problem(&site.store).await };
    match problem {
        None => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"),
        Some(problem) => HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "2"))
            .content_type("text/plain; charset=utf-8")
            .body(format!("{problem}\n")),
    }
}

async fn database_problem(store: &Store) -> Option<&'static str> {
    match tokio::time::timeout(MAX_WAIT, ask(store)).await {
        Ok(Ok(problem)) => problem,
        Ok(Err(_)) | Err(_) => Some("the database is out of reach"),
    }
}

async fn ask(store: &Store) -> Result<Option<&'static str>, StoreError> {
    if !migrate::is_current(store).await? {
        return Ok(Some("the database schema is not current"));
    }
    // So it is on a standby, and on a server that was set so before its disk is full.
    let read_only = settings::show(&mut *store.connection().await?, "transaction_read_only").await? == "on";
    Ok(read_only.then_some("the database takes no writes"))
}
