//! Health checks: liveness and readiness.
//!
//! For load balancers: alive says that the program answers, ready that it should be sent requests.

use actix_web::{HttpResponse, web};

use crate::web::app_state::AppState;

/// `GET /healthz`
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: an event would be stored now, the schema is current, and the program is not about to end.
pub(crate) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let outcome = match state.is_draining() {
        true => Err("draining"),
        false => state.engine.writers.health().check(state.clock.now()).await.map_err(|problem| problem.summary),
    };
    match outcome {
        Ok(()) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"),
        Err(problem) => HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "2"))
            .content_type("text/plain; charset=utf-8")
            .body(format!("{problem}\n")),
    }
}
