//! Assembly and graceful shutdown of the program.
//!
//! The program as tests and `serve` run it: listeners, engine and pages over one database, with what goes on beside them.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, middleware, web};
use futures_util::future::join_all;
use quick_cache::sync::Cache;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

use crate::app::failure::Failure;
use crate::app::installation_keys::installation_keys;
use crate::app::prune;
use crate::app::upkeep::UpkeepState;
use crate::clock::Clock;
use crate::config::checked::{Config, ConnectionLimits};
use crate::domain::installation::InstallationKeys;
use crate::fair_queue::{FairQueue, Limits};
use crate::hashing::Hasher;
use crate::ingest::full_accounts::FullAccounts;
use crate::ingest::holding::Holding;
use crate::ingest::limiter::{Cells, Limiter};
use crate::ingest::memory_budget::MemoryBudget;
use crate::ingest::notifier::Notifier;
use crate::ingest::outcomes::Outcomes;
use crate::ingest::receive::Engine;
use crate::ingest::usage::Usage;
use crate::ingest::verifier::Verifier;
use crate::ingest::writer::Writers;
use crate::mail::smtp::{Mailer, NotSent};
use crate::metrics::Counter;
use crate::random::{self, EventIds};
use crate::server::listeners::{Listener, Listeners};
use crate::server::metrics::StartedAt;
use crate::server::sockets::Sockets;
use crate::server::unwritten::Unwritten;
use crate::server::{background, descriptors, http, metrics};
use crate::store::connection::pool::Store;
use crate::store::tables::installation;
use crate::web::app_state::{AppState, Mails};
use crate::web::export_permits::ExportPermits;
use crate::web::live::feeds::Feeds;
use crate::web::middleware::request_context;
use crate::web::routes;

/// The most argon2 runs at once, for senders and for page logins each. Each takes 19 MiB for as long as it lasts.
const MAX_HASHING_PERMITS: usize = 4;
/// Callers of one account or address that may wait for one.
const HASHING_QUEUE: usize = 64;
/// Failures of senders from one address: so many at once, then one in this time.
const SENDER_FAILURES: (u32, Duration) = (100, Duration::from_secs(1));
/// Passwords with a right checksum from an address that has failed too often.
const SECOND_LOOKS: (u32, Duration) = (10, Duration::from_millis(100));
/// Failed sign-ins from one address; from one address to one account; to one account from all addresses that the account's user has not
/// signed in from; and from one browser that the user knows. One address alone never uses the third up.
const SIGN_IN_FAILURES_BY_ADDRESS: (u32, Duration) = (20, Duration::from_secs(6));
const SIGN_IN_FAILURES_BY_PAIR: (u32, Duration) = (10, Duration::from_secs(30));
const SIGN_IN_FAILURES_BY_EMAIL: (u32, Duration) = (50, Duration::from_secs(30));
const SIGN_IN_FAILURES_BY_DEVICE: (u32, Duration) = (10, Duration::from_secs(30));
/// Wrong codes for one user, who knows the password: 288 a day at the most, however many come at once. Three of a million codes are
/// right at a time, so that guessing without a pause has an even chance after 800 days. Each program counts for itself: two of them
/// halve that.
const CODE_FAILURES_BY_USER: (u32, Duration) = (10, Duration::from_secs(300));
/// Successful sign-ins to one account.
const SIGN_INS_BY_EMAIL: (u32, Duration) = (60, Duration::from_secs(10));
/// Changes that an account makes on its pages, each of which leaves a line in the audit trail for ever.
const ACTS_BY_ACCOUNT: (u32, Duration) = (120, Duration::from_secs(2));
/// Requests that an account makes of the API.
const API_REQUESTS_BY_ACCOUNT: (u32, Duration) = (600, Duration::from_millis(100));
/// Events that an account deletes one by one before the password is asked for: 20 in ten minutes.
const DELETIONS_BY_ACCOUNT: (u32, Duration) = (20, Duration::from_secs(30));

/// Requests for pages, of which each may take a connection of the pool for as long as a statement may. A session that takes all it can
/// get leaves one of its account to the owner's other sessions, and other accounts find the rest.
const PAGE_REQUESTS: Limits = Limits { permits: usize::MAX, per_key: 2, waiting_per_key: 128 };
const ACCOUNT_REQUESTS: Limits = Limits { per_key: PAGE_REQUESTS.per_key + 1, ..PAGE_REQUESTS };
/// Comparisons of two events: each takes some dozen times the memory of the two bodies.
const COMPARISONS: Limits = Limits { permits: 2, per_key: 1, waiting_per_key: 8 };

/// Of how many API tokens it is remembered whose they are.
const MAX_KNOWN_TOKENS: usize = 10_000;
/// Programs that wait for the next event: as many of an account as live pages, and in all as many.
const WAITING_READERS: Limits = Limits { permits: usize::MAX, per_key: 100, waiting_per_key: 0 };

/// Live pages take one of so many connections of a listener at most.
const LIVE_PART: usize = 2;

/// As many of the largest bodies as may be wanted back at once, however slowly they are taken.
const LARGEST_ANSWERS: usize = 2;

/// What is in memory when the last request has been answered has so long to be written. With the time for requests in flight, the end
/// takes less than the 30 seconds that are promised.
const LAST_NOTES_WITHIN: Duration = Duration::from_secs(3);

/// Why the program does not serve.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum StartError {
    #[error(
        "{address} cannot be listened on: {source}. Choose another address with {flag}, such as 127.0.0.1:8081; port 0 picks a free one"
    )]
    Listen { flag: &'static str, address: SocketAddr, source: std::io::Error },
    #[error(
        "a socket of LISTEN_FDS listens on {address}, which --bind (BIND) and its like do not name: give them one address"
    )]
    UnknownSocket { address: SocketAddr },
    #[error("a socket of LISTEN_FDS cannot be used: {0}")]
    Inherited(std::io::Error),
    #[error("mail cannot be set up: {0}")]
    Mail(#[from] NotSent),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<crate::store::connection::error::StoreError> for StartError {
    fn from(error: crate::store::connection::error::StoreError) -> Self {
        StartError::Failed(error.into())
    }
}

impl From<random::NoRandomness> for StartError {
    fn from(error: random::NoRandomness) -> Self {
        StartError::Failed(error.into())
    }
}

/// A program that serves.
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Application {
    pub state: web::Data<AppState>,
    pub feeds: web::Data<Feeds>,
    pub address: SocketAddr,
    pub ingest_address: Option<SocketAddr>,
    pub metrics_address: Option<SocketAddr>,
    servers: Vec<(ServerHandle, JoinHandle<std::io::Result<()>>)>,
    sockets: Sockets,
    background: Vec<JoinHandle<()>>,
    end: watch::Sender<bool>,
}

impl Application {
    /// Builds everything over a database whose schema is current, and begins to serve.
    pub async fn start(config: &Config, store: Store, clock: Clock) -> Result<Self, StartError> {
        let mut sockets = Sockets::from_environment().map_err(StartError::Inherited)?;
        let mut listen =
            |flag, address| sockets.listen(address).map_err(|source| StartError::Listen { flag, address, source });
        let public = listen("--bind (BIND)", config.bind)?;
        let ingest = config.ingest_bind.map(|address| listen("--ingest-bind (INGEST_BIND)", address)).transpose()?;
        let metrics =
            config.metrics_bind.map(|address| listen("--metrics-bind (METRICS_BIND)", address)).transpose()?;
        if let Some(address) = sockets.left_over() {
            return Err(StartError::UnknownSocket { address });
        }
        let address = address_of(&public, config.bind);
        let listeners = 1 + usize::from(ingest.is_some()) + usize::from(metrics.is_some());
        let limits = descriptors::limits(config.connections, listeners);
        let config = &Config { connections: limits, ..config.clone() };

        prune::make_partitions(&store, config.retention_days, clock.now()).await?;
        let keys = installation_keys(&store, &config.outside_keys, clock.now()).await?;
        let (end, ended) = watch::channel(false);
        let (state, usage) = state(config, address, store, keys, clock)?;
        let mut conn = state.store.connection().await?;
        installation::note_served(&mut conn, &state.ingest_url, state.mailer.is_some()).await?;
        // For the metrics; what comes of it is for the first round of upkeep.
        state.upkeep.compare_clocks(&mut conn, &state.clock).await?;
        drop(conn);
        let state = web::Data::new(state);
        let feeds = web::Data::new(Feeds::new(state.clone()));

        let background = background::start(&state, &feeds, usage, &ended);

        let mut application = Self {
            address,
            ingest_address: ingest.as_ref().zip(config.ingest_bind).map(|(l, asked)| address_of(l, asked)),
            metrics_address: metrics.as_ref().zip(config.metrics_bind).map(|(l, asked)| address_of(l, asked)),
            servers: Vec::new(),
            sockets,
            background,
            end,
            state: state.clone(),
            feeds: feeds.clone(),
        };
        let started_at = StartedAt(state.clock.now());
        let mut listeners = Listeners::new();
        let unwritten = Unwritten::new(limits.max_unwritten_bytes.max(LARGEST_ANSWERS * config.max_body_bytes));
        let mut seen = |name| {
            let listener = Listener::new(name, limits.max_connections, unwritten.clone());
            listeners.push(listener.clone());
            listener
        };
        let server = serve_public(public, state.clone(), feeds, limits, seen("public"));
        application.run(server, ("--bind (BIND)", address))?;
        if let Some((listener, address)) = ingest.zip(application.ingest_address) {
            let server = serve_ingest(listener, state.clone(), limits, seen("ingest"));
            application.run(server, ("--ingest-bind (INGEST_BIND)", address))?;
        }
        if let Some((listener, address)) = metrics.zip(application.metrics_address) {
            let seen = seen("metrics");
            let server = serve_metrics(listener, state, limits, seen, (listeners, started_at));
            application.run(server, ("--metrics-bind (METRICS_BIND)", address))?;
        }
        Ok(application)
    }

    fn run(
        &mut self,
        server: std::io::Result<Server>,
        (flag, address): (&'static str, SocketAddr),
    ) -> Result<(), StartError> {
        let server = server.map_err(|source| StartError::Listen { flag, address, source })?;
        self.servers.push((server.handle(), tokio::spawn(server)));
        Ok(())
    }

    /// The link that creates the first account, while there is none.
    pub async fn setup_link(&self) -> Result<Option<String>, StartError> {
        let fresh = installation::is_fresh(&mut *self.state.store.connection().await?).await?;
        let token = self.state.keys.setup_token();
        Ok(fresh.then(|| format!("{}/setup?token={}", self.state.public_url, token.reveal())))
    }

    /// Is not ready any more, and closes each connection behind its answer, so that load balancers turn to other programs; goes on to
    /// answer whoever comes.
    pub fn begin_to_drain(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
        self.state.engine.notifier.notify_all();
    }

    /// Ends in order: not ready, no new connections at any listener, what is in flight is finished, what is in memory is written.
    pub async fn stop(self) {
        self.begin_to_drain();
        let Self { state, servers, sockets, background, end, .. } = self;
        sockets.take_the_last().await;
        state.ending.store(true, Ordering::Relaxed);
        join_all(servers.iter().map(|(handle, _)| handle.stop(true))).await;
        for (_, server) in servers {
            if let Ok(Err(error)) = server.await {
                tracing::error!(%error, "a listener failed");
            }
        }
        // Nobody listening means that the tasks have ended by themselves.
        let _ = end.send(true);
        let unfinished: Vec<_> = background.iter().map(JoinHandle::abort_handle).collect();
        if timeout(LAST_NOTES_WITHIN, join_all(background)).await.is_err() {
            tracing::warn!(
                "the database does not answer in time: the last notes of uses, rejections and late events are lost"
            );
            unfinished.iter().for_each(AbortHandle::abort);
        }
    }
}

fn address_of(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// Senders and page logins each have one.
fn hasher() -> Hasher {
    let permits = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, MAX_HASHING_PERMITS);
    Hasher::new(permits, HASHING_QUEUE)
}

/// What receives events. `https_required`: senders that come over plain http are refused.
fn engine(
    config: &Config,
    store: &Store,
    keys: &InstallationKeys,
    clock: Clock,
    https_required: bool,
) -> Result<Engine, StartError> {
    let notifier = Notifier::default();
    let usage = Usage::new(store.clone(), notifier.clone());
    let holding = Holding::new(store.clone());
    let budget = MemoryBudget::new(config.max_body_bytes, config.connections.max_connections);
    Ok(Engine {
        verifier: Verifier::new(store.clone(), hasher(), keys, random::bytes()?),
        limiter: Limiter::new(SENDER_FAILURES.0, SENDER_FAILURES.1),
        second_looks: Limiter::new(SECOND_LOOKS.0, SECOND_LOOKS.1),
        writers: Writers::new(store.clone(), usage.clone(), holding.clone(), notifier.clone(), budget),
        usage,
        holding,
        notifier,
        full_accounts: FullAccounts::default(),
        outcomes: Outcomes::default(),
        ids: EventIds::default(),
        clock,
        max_body_bytes: config.max_body_bytes,
        body_pace: config.body_pace,
        https_required,
    })
}

fn state(
    config: &Config,
    address: SocketAddr,
    store: Store,
    keys: InstallationKeys,
    clock: Clock,
) -> Result<(AppState, Usage), StartError> {
    let public_url = config.public_origin(address);
    let engine = engine(config, &store, &keys, clock.clone(), public_url.starts_with("https://"))?;
    let usage = engine.usage.clone();
    let state = AppState {
        store,
        hasher: hasher(),
        keys,
        page_requests: FairQueue::new(PAGE_REQUESTS),
        account_requests: FairQueue::new(ACCOUNT_REQUESTS),
        comparisons: FairQueue::new(COMPARISONS),
        export_permits: ExportPermits::default(),
        clock,
        engine: Arc::new(engine),
        public_url,
        ingest_url: config.endpoint(address),
        host_names: config.host_names(address),
        upgrade_url: config.upgrade_url.as_ref().map(ToString::to_string),
        signup_open: config.signup_open,
        requires_second_factor: config.requires_second_factor,
        retention_days: config.retention_days,
        keep_alive: config.connections.keep_alive,
        trusted_proxies: config.trusted_proxies.clone(),
        sign_in_failures_by_address: Limiter::new(SIGN_IN_FAILURES_BY_ADDRESS.0, SIGN_IN_FAILURES_BY_ADDRESS.1),
        sign_in_failures_by_pair: Limiter::new(SIGN_IN_FAILURES_BY_PAIR.0, SIGN_IN_FAILURES_BY_PAIR.1),
        sign_in_failures_by_email: Limiter::new(SIGN_IN_FAILURES_BY_EMAIL.0, SIGN_IN_FAILURES_BY_EMAIL.1),
        email_cells: Cells::default(),
        sign_in_failures_by_device: Limiter::new(SIGN_IN_FAILURES_BY_DEVICE.0, SIGN_IN_FAILURES_BY_DEVICE.1),
        code_failures_by_user: Limiter::new(CODE_FAILURES_BY_USER.0, CODE_FAILURES_BY_USER.1),
        sign_ins_by_email: Limiter::new(SIGN_INS_BY_EMAIL.0, SIGN_INS_BY_EMAIL.1),
        acts_by_account: Limiter::new(ACTS_BY_ACCOUNT.0, ACTS_BY_ACCOUNT.1),
        api_requests: Limiter::new(API_REQUESTS_BY_ACCOUNT.0, API_REQUESTS_BY_ACCOUNT.1),
        known_tokens: Cache::new(MAX_KNOWN_TOKENS),
        api_description: OnceLock::new(),
        waiting_readers: FairQueue::new(Limits {
            permits: config.connections.max_connections.div_ceil(LIVE_PART),
            ..WAITING_READERS
        }),
        deletions_by_account: Limiter::new(DELETIONS_BY_ACCOUNT.0, DELETIONS_BY_ACCOUNT.1),
        draining: AtomicBool::new(false),
        ending: AtomicBool::new(false),
        live_viewers: Arc::default(),
        max_live_viewers: config.connections.max_connections.div_ceil(LIVE_PART),
        upkeep_failures: Counter::default(),
        upkeep: UpkeepState::default(),
        mailer: config.mail.as_ref().map(Mailer::new).transpose()?,
        mails: Mails::default(),
    };
    Ok((state, usage))
}

fn serve_public(
    listener: TcpListener,
    state: web::Data<AppState>,
    feeds: web::Data<Feeds>,
    limits: ConnectionLimits,
    seen: Arc<Listener>,
) -> std::io::Result<Server> {
    let data = state.clone();
    let app = move || {
        App::new()
            .app_data(data.clone())
            .app_data(feeds.clone())
            .app_data(web::Data::new(data.engine.writers.start()))
            .wrap(middleware::from_fn(request_context::layer))
            .configure(|config| routes::public(config, &data))
    };
    http::serve(listener, state, (limits, seen), app, None)
}

fn serve_ingest(
    listener: TcpListener,
    state: web::Data<AppState>,
    limits: ConnectionLimits,
    seen: Arc<Listener>,
) -> std::io::Result<Server> {
    let data = state.clone();
    let app = move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::Data::new(data.engine.writers.start()))
            .wrap(middleware::from_fn(request_context::layer))
            .configure(routes::ingest_only)
    };
    http::serve(listener, state, (limits, seen), app, None)
}

fn serve_metrics(
    listener: TcpListener,
    state: web::Data<AppState>,
    limits: ConnectionLimits,
    seen: Arc<Listener>,
    (listeners, started_at): (Listeners, StartedAt),
) -> std::io::Result<Server> {
    let (data, listeners, started_at) = (state.clone(), web::Data::new(listeners), web::Data::new(started_at));
    let app = move || {
        App::new()
            .app_data(data.clone())
            .app_data(listeners.clone())
            .app_data(started_at.clone())
            .route("/metrics", web::get().to(metrics::show))
    };
    http::serve(listener, state, (limits, seen), app, Some(1))
}
