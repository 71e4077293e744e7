//! `/metrics` for Prometheus, on a listener of its own. The names are documented in `docs/metrics.md`, which a test compares with
//! what is answered here.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;

use crate::computing;
use crate::domain::alert_kind::AlertState;
use crate::fair_queue::{FairQueue, Key};
use crate::ingest::memory_budget;
use crate::server::exposition::Exposition;
use crate::server::listeners::Listeners;
use crate::server::process;
use crate::store::connection::error::StoreError;
use crate::store::connection::standbys::Standbys;
use crate::store::tables::alerts;
use crate::store::tables::partitions::{self, Coverage};
use crate::web::app_state::AppState;
use crate::web::middleware::host_names;

/// A database that has not answered a scrape by then counts as down.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// Microseconds in a second, for what is counted in the former and written in the latter.
const MICROSECONDS: f64 = 1e6;

/// When the program started, for the metric of that name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartedAt(pub(crate) Timestamp);

/// What the program has counted since its start, and what is so now.
pub(crate) async fn show(
    request: HttpRequest,
    state: web::Data<AppState>,
    listeners: web::Data<Listeners>,
    started_at: web::Data<StartedAt>,
) -> HttpResponse {
    if !host_names::is_answered(&state, &request) {
        let answered = state.host_names.words();
        let text = format!(
            "The metrics are not known by that host name. They answer to: {answered}. \
             Ask for one of these, or add the name to --host-names (HOST_NAMES).\n"
        );
        return HttpResponse::MisdirectedRequest().content_type("text/plain; charset=utf-8").body(text);
    }
    let mut out = Exposition::default();
    write_ingest(&mut out, &state);
    write_verification(&mut out, &state);
    write_database(&mut out, &state).await;
    write_connections(&mut out, &state, &listeners);
    write_queues(&mut out, &state);
    write_program(&mut out, &state, **started_at);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(out.into_text())
}

fn write_ingest(out: &mut Exposition, state: &AppState) {
    let (outcomes, writers) = (&state.engine.outcomes, &state.engine.writers);
    let help = "Requests to the endpoint, by outcome.";
    out.counters("reasoner_ingest_requests_total", help, "outcome", outcomes.counts());
    let help = "Refused requests whose credential is known, by the reason that its owner is told.";
    out.counters("reasoner_ingest_rejections_total", help, "reason", outcomes.rejections());
    let holding = &state.engine.holding;
    let ways = [("held", holding.held.get()), ("not_held", holding.not_held.get())];
    let help = "Events that came with an expired password, by whether they are held for their owner.";
    out.counters("reasoner_ingest_late_events_total", help, "outcome", ways.into_iter());
    let help = "Time from the head of a request to its answer, the reading of the body included.";
    out.histogram("reasoner_ingest_request_duration_seconds", help, &outcomes.durations.read(), MICROSECONDS);
    let help = "Bytes of bodies that were stored.";
    out.counter("reasoner_ingest_stored_bytes_total", help, outcomes.stored_bytes.get());
    let help = "Events in a transaction that committed.";
    out.histogram("reasoner_ingest_batch_events", help, &writers.batches().events.read(), 1.0);
    let help = "Time from the first statement of a transaction with events to its commit.";
    out.histogram("reasoner_ingest_commit_duration_seconds", help, &writers.batches().commits.read(), MICROSECONDS);
    let help = "Transactions with events that failed.";
    out.counter("reasoner_ingest_batch_failures_total", help, writers.batches().failures.get());
    out.gauge("reasoner_ingest_queue_events", "Events that wait to be written.", writers.queued_events() as f64);
    let help = "Bytes of bodies in memory, arriving or waiting to be written.";
    out.gauge("reasoner_ingest_queue_bytes", help, writers.queued_bytes() as f64);
    let help = "The most events that may wait; further ones get 503.";
    out.gauge("reasoner_ingest_queue_max_events", help, memory_budget::MAX_EVENTS as f64);
    let help = "The most bytes of bodies that may be in memory; what comes then is answered with 503.";
    out.gauge("reasoner_ingest_queue_max_bytes", help, writers.max_queued_bytes() as f64);
}

fn write_verification(out: &mut Exposition, state: &AppState) {
    let verifier = &state.engine.verifier;
    let ways = [
        ("fast", verifier.verifications.fast.get()),
        ("slow", verifier.verifications.slow.get()),
        ("forged", verifier.verifications.forged.get()),
    ];
    let help =
        "Passwords of senders that were verified: from memory, by database and argon2, or refused by their checksum.";
    out.counters("reasoner_sender_verifications_total", help, "way", ways.into_iter());
    let pools = [("senders", verifier.hasher()), ("pages", &state.hasher)];
    let runs = pools.iter().map(|(pool, hasher)| (*pool, hasher.runs()));
    out.counters("reasoner_argon2_runs_total", "Runs of argon2, by pool.", "pool", runs);
    let refused = pools.iter().map(|(pool, hasher)| (*pool, hasher.refused()));
    let help = "Callers that found the queue for argon2 full and were refused, by pool.";
    out.counters("reasoner_argon2_refusals_total", help, "pool", refused);
    out.head("reasoner_argon2_waiting", "gauge", "Callers that wait for a run of argon2, by pool.");
    for (pool, hasher) in pools {
        out.sample("reasoner_argon2_waiting", &[("pool", pool)], hasher.waiting() as f64);
    }
}

async fn write_database(out: &mut Exposition, state: &AppState) {
    let found = tokio::time::timeout(MAX_WAIT, found_in_database(state)).await;
    let found = found.ok().and_then(Result::ok);
    let is_up = state.engine.writers.health().check(state.clock.now()).await.is_ok();
    let help = "1 if an event could be stored at this scrape, else 0.";
    out.gauge("reasoner_database_up", help, f64::from(is_up));
    if let Some((Coverage { partitions, weeks_ahead }, standbys, alerts)) = found {
        write_standbys(out, &standbys);
        let name = "reasoner_alerts";
        out.head(name, "gauge", "Alerts of all accounts, by state.");
        for state in [AlertState::Pending, AlertState::Firing] {
            let count = alerts.get(&state).copied().unwrap_or_default();
            out.sample(name, &[("state", state.as_str())], count as f64);
        }
        out.gauge("reasoner_event_partitions", "Weekly partitions of the table of events.", partitions as f64);
        let help = "Weeks after this one for which there is a partition; below 1, upkeep has not run for weeks.";
        out.gauge("reasoner_event_partitions_ahead", help, weeks_ahead as f64);
    }
    let (used, idle) = state.store.connections();
    let name = "reasoner_database_pool_connections";
    out.head(name, "gauge", "Connections of the pool, by whether somebody uses them.");
    out.sample(name, &[("state", "used")], f64::from(used));
    out.sample(name, &[("state", "idle")], f64::from(idle));
    let help = "The most connections that the pool may have.";
    out.gauge("reasoner_database_pool_max_connections", help, f64::from(state.store.options().max_connections));
    let help = "Time until a caller had a connection of the pool that is alive.";
    out.histogram("reasoner_database_pool_wait_seconds", help, &state.store.waits().granted.read(), MICROSECONDS);
    let help = "Callers that got no connection of the pool in time.";
    out.counter("reasoner_database_pool_failures_total", help, state.store.waits().failed.get());
}

/// How many alerts are in each state.
type AlertCounts = HashMap<AlertState, u64>;

async fn found_in_database(state: &AppState) -> Result<(Coverage, Standbys, AlertCounts), StoreError> {
    let mut conn = state.store.connection().await?;
    let coverage = partitions::coverage(&mut conn, state.clock.now()).await?;
    Ok((coverage, Standbys::find(&mut conn).await?, alerts::count_open(&mut conn).await?))
}

fn write_standbys(out: &mut Exposition, standbys: &Standbys) {
    let name = "reasoner_database_standbys";
    out.head(name, "gauge", "Standbys that follow the database server; `hidden`: its role may not see how.");
    for (kind, count) in standbys.counts() {
        out.sample(name, &[("kind", kind)], count as f64);
    }
    let help = "How many standbys have to confirm an event before it is answered with 200.";
    out.gauge("reasoner_database_confirming_standbys", help, f64::from(standbys.confirming.unwrap_or(0)));
    let help = "How far the standby that is furthest behind is behind.";
    out.gauge("reasoner_database_standby_lag_seconds", help, standbys.lag_seconds.unwrap_or(0.0));
}

fn write_connections(out: &mut Exposition, state: &AppState, listeners: &Listeners) {
    out.gauge(
        "reasoner_live_viewers",
        "Pages that events are sent to as they arrive.",
        state.live_viewers.get() as f64,
    );
    out.head("reasoner_connections", "gauge", "Connections that are open, by listener.");
    for listener in listeners {
        let open = listener.connections.get() as f64;
        out.sample("reasoner_connections", &[("listener", listener.name)], open);
    }
    out.head("reasoner_max_connections", "gauge", "The most connections at once, by listener; new ones wait.");
    for listener in listeners {
        let most = listener.max_connections as f64;
        out.sample("reasoner_max_connections", &[("listener", listener.name)], most);
    }
    let name = "reasoner_connections_let_go_total";
    let help = "Connections that were ended because their address had too many (`address`), or an answer was taken too slowly \
                (`slow`), or more slowly than others while all together had no room left (`room`).";
    out.head(name, "counter", help);
    for listener in listeners {
        for (why, count) in listener.let_go() {
            out.sample(name, &[("listener", listener.name), ("why", why)], count as f64);
        }
    }
    if let Some(listener) = listeners.first() {
        let help = "Bytes of answers that are made and not taken yet, of all connections that wait.";
        out.gauge("reasoner_unwritten_answer_bytes", help, listener.unwritten.bytes() as f64);
        let help = "The most such bytes; beyond that the connections end whose answers are taken most slowly.";
        out.gauge("reasoner_unwritten_answer_max_bytes", help, listener.unwritten.max_bytes() as f64);
    }
    let name = "reasoner_http_responses_total";
    out.head(name, "counter", "Answers to requests, by listener and by the class of their status.");
    for listener in listeners {
        for (class, count) in listener.answers() {
            out.sample(name, &[("listener", listener.name), ("class", class)], count as f64);
        }
    }
}

fn write_queues(out: &mut Exposition, state: &AppState) {
    fn queue<K: Key>(queue: &FairQueue<K>) -> (usize, u64) {
        (queue.waiting(), queue.refused())
    }
    let queues = [
        ("page_requests", queue(&state.page_requests)),
        ("account_requests", queue(&state.account_requests)),
        ("searches", queue(state.store.searches())),
        ("comparisons", queue(&state.comparisons)),
        ("computing", computing::waiting_and_refused()),
    ];
    let name = "reasoner_account_queue_waiting";
    out.head(name, "gauge", "Requests waiting for their turn, by queue; accounts take turns.");
    for (queue, (waiting, _)) in queues {
        out.sample(name, &[("queue", queue)], waiting as f64);
    }
    let refused = queues.into_iter().map(|(queue, (_, refused))| (queue, refused));
    let help = "Requests refused because too many of their account were waiting already, by queue.";
    out.counters("reasoner_account_queue_refusals_total", help, "queue", refused);
}

fn write_program(out: &mut Exposition, state: &AppState, StartedAt(started_at): StartedAt) {
    let ready = f64::from(!state.is_draining());
    out.gauge("reasoner_ready", "1 until the program is about to end, then 0.", ready);
    let help = "Rounds of upkeep (making and dropping partitions, pruning) in which a task failed; the log names it, and the others went on.";
    out.counter("reasoner_upkeep_failures_total", help, state.upkeep_failures.get());
    let help = "1 while upkeep deletes nothing because the clock may be wrong, else 0; `doctor` says why.";
    out.gauge("reasoner_upkeep_paused", help, f64::from(state.upkeep.is_in_doubt()));
    let outcomes = [
        ("sent", state.mails.sent.get()),
        ("retried", state.mails.retried.get()),
        ("failed", state.mails.failed.get()),
    ];
    let help = "Attempts to hand mail to the SMTP server, by outcome; failed mail isn’t retried.";
    out.counters("reasoner_mails_total", help, "outcome", outcomes.into_iter());
    let help = "Accounts whose events are refused because their storage is full.";
    out.gauge("reasoner_full_accounts", help, state.engine.full_accounts.count() as f64);
    let help =
        "By how much the clocks of program and database differed when they were last compared, within the last minute.";
    out.gauge("reasoner_clock_difference_seconds", help, state.upkeep.difference_seconds());
    out.head("reasoner_build_info", "gauge", "Always 1; the label has the version.");
    out.sample("reasoner_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let started_at = started_at.as_millisecond() as f64 / 1e3;
    let help = "When the program started, in seconds since 1970.";
    out.gauge("process_start_time_seconds", help, started_at);
    if let Some(seconds) = process::cpu_seconds() {
        out.head("process_cpu_seconds_total", "counter", "Processor time that the program took.");
        out.sample("process_cpu_seconds_total", &[], seconds);
    }
    if let Some(bytes) = process::resident_bytes() {
        out.gauge("process_resident_memory_bytes", "Memory that the program has (Linux).", bytes);
    }
    if let Some(files) = process::open_files() {
        out.gauge("process_open_fds", "Files and sockets that the program has open (Linux).", files);
    }
}
