//! `/metrics` in the text format of Prometheus, on a listener of its own.

use actix_web::{HttpResponse, web};

use crate::web::site::Site;

/// What the program counts, since its start.
pub async fn show(site: web::Data<Site>) -> HttpResponse {
    let engine = &site.engine;
    let mut text = String::from("# HELP reasoner_ingest_requests_total Requests to the endpoint, by outcome.\n");
    text.push_str("# TYPE reasoner_ingest_requests_total counter\n");
    for (outcome, count) in engine.outcomes.counts() {
        text.push_str(&format!("reasoner_ingest_requests_total{{outcome=\"{outcome}\"}} {count}\n"));
    }
    let single = [
        ("reasoner_ingest_bytes_total", "counter", "Bytes of bodies that were stored.", engine.outcomes.stored_bytes()),
        ("reasoner_argon2_sender_runs_total", "counter", "argon2 runs for senders.", engine.verifier.argon2_runs()),
        (
            "reasoner_argon2_page_runs_total",
            "counter",
            "argon2 runs for sign-ins and new passwords.",
            site.hasher.runs(),
        ),
        (
            "reasoner_ingest_queued_events",
            "gauge",
            "Events that wait to be written.",
            engine.writers.queued_events() as u64,
        ),
        ("reasoner_ready", "gauge", "1 until the program is about to end.", u64::from(!site.is_draining())),
    ];
    for (name, kind, help, value) in single {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}
