//! For load balancers: alive says that the program answers, ready that it should be sent requests.

use std::time::Duration;

use actix_web::{HttpResponse, web};

use crate::store::{migrate, pool::Store};
use crate::web::site::Site;

/// A database that has not answered by then is out of reach.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// `GET /healthz`
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: the database is reachable, its schema current, and the program is not about to end.
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
    match tokio::time::timeout(MAX_WAIT, migrate::is_current(store)).await {
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => Some("the database schema is not current"),
        Ok(Err(_)) | Err(_) => Some("the database is out of reach"),
    }
}
