//! Connections: a bounded pool that never makes a caller wait longer than two seconds, and transactions over one of its
//! connections. TLS is used where the address asks for it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::result::Error::BrokenTransactionManager;
use diesel::sql_types::BigInt;
use diesel::{ConnectionError, ConnectionResult, QueryableByName, sql_query};
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::CancelToken;
use tokio_postgres::config::SslMode;

use crate::measure::{Counter, Durations};
use crate::store::error::StoreError;
use crate::store::pacing::Pacing;

/// How long a caller waits for a connection, connecting included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one attempt to connect may take, until the session is ready.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection of the pool may take to say that it is alive. Once one was silent, the others, which are likely to
/// be as dead, get less time for a while: a caller must not wait for each of them in turn.
const MAX_SILENCE: Duration = Duration::from_secs(1);
const MAX_SILENCE_OF_SUSPECTS: Duration = Duration::from_millis(200);
const SUSPECT_FOR: Duration = Duration::from_secs(10);
/// A line on which nothing comes back for so long is dead. Without that, a statement that was under way when the other side vanished
/// would wait for a quarter of an hour.
const DEAD_AFTER: Duration = Duration::from_secs(10);
/// After how much silence the system asks the other side whether it is there, how often again, and how often in all. That finds out
/// who waits for an answer and has nothing to say.
const ASKED_AFTER: Duration = Duration::from_secs(10);
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(3);
const ASKED_TIMES: u32 = 3;
/// Connections of one program; the writer's own comes on top.
pub const MAX_CONNECTIONS: u32 = 12;
/// Searches of one program at once. The other connections are left to pages that take no time.
const MAX_SEARCHES: usize = 4;
/// How many of them exports and the like may have at once, so that pages find one.
const MAX_BACKGROUND_CONNECTIONS: usize = 3;
/// What every session of ours is set to. `synchronous_commit` is what a 200 promises, whatever the server's default says.
const SESSION_SETTINGS: &str = "set synchronous_commit = on; set statement_timeout = '8s'; set lock_timeout = '4s'; \
     set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set client_min_messages = warning";

/// A connection, as the queries of this floor take it.
pub type Connection = AsyncPgConnection;
/// A connection that goes back to the pool when dropped.
pub type Pooled = PooledConnection<'static, AsyncPgConnection>;

/// What knows which transactions are open, so that the pool takes no connection back that is within one.
pub(super) type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// The database of this installation.
#[derive(Clone)]
pub struct Store {
    pool: Pool<AsyncPgConnection>,
    address: Address,
    waits: Arc<Waits>,
    searches: Arc<Semaphore>,
    runtime: Handle,
    background: Arc<Semaphore>,
    pacing: Pacing,
    batches: Arc<RwLock<()>>,
}

/// Where the database is, and which one it has to be, if it is to be one in particular.
#[derive(Clone)]
struct Address {
    url: Arc<str>,
    system_identifier: Option<u64>,
}

/// What `pg_control_system` says: the server has the identifier as a signed number.
#[derive(QueryableByName)]
struct Control {
    #[diesel(sql_type = BigInt)]
    system_identifier: i64,
}

impl Address {
    /// An error if the server of another cluster answers. Where that has been put in the place of the one that was there, it would
    /// refuse every credential.
    async fn check(&self, connection: &mut AsyncPgConnection) -> ConnectionResult<()> {
        let Some(expected) = self.system_identifier else { return Ok(()) };
        let found =
            sql_query("select system_identifier from pg_control_system()").get_result::<Control>(connection).await;
        match found.map_err(bad_connection)?.system_identifier.cast_unsigned() {
            found if found == expected => Ok(()),
            found => Err(ConnectionError::BadConnection(format!(
                "another database answers, with the system identifier {found} and not {expected}"
            ))),
        }
    }
}

/// A connection for one step of something that takes many of them.
pub struct BackgroundConnection {
    connection: Pooled,
    _permit: OwnedSemaphorePermit,
}

impl Deref for BackgroundConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for BackgroundConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// How long callers waited for a connection of the pool.
#[derive(Debug, Default)]
pub struct Waits {
    /// The waits that ended well: a look at whether the connection is alive is part of them.
    pub granted: Durations,
    /// Callers that got none in time.
    pub failed: Counter,
}

impl std::fmt::Debug for Store {
    /// Without the address, which may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the pool. Connections are made when they are needed, so this succeeds while the database is away.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_only(url, None).await
    }

    /// The same, for the server of one cluster and no other that may answer at this address, by its system identifier.
    pub async fn open_only(url: &str, system_identifier: Option<u64>) -> Result<Self, StoreError> {
        let address = Address { url: url.into(), system_identifier };
        // Every connection is driven by the runtime that opened the store. The workers of the HTTP server have runtimes of
        // their own, which end before the last notes are written.
        let runtime = Handle::current();
        let (connecting, to) = (runtime.clone(), address.clone());
        let mut config = ManagerConfig::default();
        config.custom_setup = Box::new(move |_| {
            let (runtime, address) = (connecting.clone(), to.clone());
            async move { runtime.spawn(async move { connect(&address).await }).await.map_err(bad_connection)? }.boxed()
        });
        // A connection that is closed, or on which nobody answers, is not handed out: the first request after a restart of the
        // database succeeds, and one during a hang is over in time.
        let suspicion = Arc::new(Suspicion::default());
        config.recycling_method = RecyclingMethod::CustomFunction(Box::new(move |conn: &mut AsyncPgConnection| {
            let suspicion = suspicion.clone();
            async move { if suspicion.is_alive(conn).await { Ok(()) } else { Err(BrokenTransactionManager) } }.boxed()
        }));
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder()
            .max_size(MAX_CONNECTIONS)
            .connection_timeout(ACQUIRE_TIMEOUT)
            .test_on_check_out(true)
            .build(manager)
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let searches = Arc::new(Semaphore::new(MAX_SEARCHES));
        let background = Arc::new(Semaphore::new(MAX_BACKGROUND_CONNECTIONS));
        Ok(Self {
            pool,
            address,
            waits: Arc::default(),
            searches,
            runtime,
            background,
            pacing: Pacing::default(),
            batches: Arc::default(),
        })
    }

    /// A connection from the pool.
    pub async fn connection(&self) -> Result<Pooled, StoreError> {
        let began = Instant::now();
        let connection = self.pool.get_owned().await;
        match &connection {
            Ok(_) => self.waits.granted.note_duration(began.elapsed()),
            Err(_) => self.waits.failed.add(1),
        }
        connection.map_err(|error| {
            let words = match error {
                diesel_async::pooled_connection::bb8::RunError::TimedOut => {
                    format!("no connection within {} s", ACQUIRE_TIMEOUT.as_secs())
                }
                other => other.to_string(),
            };
            StoreError::Unavailable(words)
        })
    }

    /// The turn to write one batch of events. Waits while the database server is restarted.
    pub async fn batch_turn(&self) -> OwnedRwLockReadGuard<()> {
        self.batches.clone().read_owned().await
    }

    /// Waits until no batch is being written. No other begins until what is given back is dropped.
    pub async fn pause_batches(&self) -> OwnedRwLockWriteGuard<()> {
        self.batches.clone().write_owned().await
    }

    /// Whether senders need the machine just now.
    pub fn pacing(&self) -> &Pacing {
        &self.pacing
    }

    /// How long callers waited since the start.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Connections of the pool that are in use, and those that are open and idle.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections.saturating_sub(state.idle_connections), state.idle_connections)
    }

    /// A connection from the pool for one step of many. Waits for its turn among those who do the same, and is to be given back
    /// after each step.
    pub async fn background_connection(&self) -> Result<BackgroundConnection, StoreError> {
        let closed = |_| StoreError::Unavailable("the program is about to end".to_owned());
        let permit = self.background.clone().acquire_owned().await.map_err(closed)?;
        Ok(BackgroundConnection { connection: self.connection().await?, _permit: permit })
    }

    /// Lets something go on beside the threads that answer requests, where a long computation would make others wait.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }

    /// A connection of one's own, outside the pool: for DDL and advisory locks, which belong to a session.
    pub async fn own_connection(&self) -> Result<Connection, StoreError> {
        Ok(connect(&self.address).await?)
    }

    /// The turn of a search; `None` when there will be none.
    pub(super) async fn search_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.searches.clone().acquire_owned().await.ok()
    }

    /// Where what has to end by itself runs on: the workers of the HTTP server come and go.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Makes the pool replace a connection of which nobody knows how it is.
    pub(super) fn give_up(conn: &mut Connection) {
        Manager::transaction_manager_status_mut(conn).set_in_error();
    }

    /// Asks the server to end the statement of a connection.
    pub(super) async fn cancel(&self, token: CancelToken) {
        let asked = match (wants_tls(&self.address.url), tls_config()) {
            (true, Ok(tls)) => token.cancel_query(tokio_postgres_rustls::MakeRustlsConnect::new(tls)).await,
            (true, Err(_)) => return,
            (false, _) => token.cancel_query(tokio_postgres::NoTls).await,
        };
        if let Err(error) = asked {
            tracing::debug!(%error, "a search could not be cancelled");
        }
    }

    /// Runs `act` in a transaction: committed when it answers `Ok`, rolled back when it answers `Err`.
    pub async fn transaction<T, E: From<StoreError>>(
        &self,
        act: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection().await?;
        Manager::begin_transaction(&mut *connection).await.map_err(StoreError::from)?;
        match act(&mut connection).await {
            Ok(value) => {
                Manager::commit_transaction(&mut *connection).await.map_err(StoreError::from)?;
                Ok(value)
            }
            Err(error) => {
                // A connection that cannot even roll back is broken, and the pool does not take it back.
                if let Err(e) = Manager::rollback_transaction(&mut *connection).await {
                    tracing::debug!(error = %e, "rolling back failed");
                }
                Err(error)
            }
        }
    }
}

fn wants_tls(url: &str) -> bool {
    url.parse().is_ok_and(|config: tokio_postgres::Config| config.get_ssl_mode() == SslMode::Require)
}

/// Until when silence is taken for death sooner than usual.
#[derive(Default)]
struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    /// Asks the server, which is a round trip, and takes no answer for one.
    async fn is_alive(&self, conn: &mut AsyncPgConnection) -> bool {
        if conn.is_broken() {
            return false;
        }
        let suspects = self.until().is_some_and(|until| Instant::now() < until);
        let patience = if suspects { MAX_SILENCE_OF_SUSPECTS } else { MAX_SILENCE };
        match timeout(patience, conn.batch_execute("")).await {
            Ok(answer) => answer.is_ok(),
            Err(_) => {
                *self.until() = Some(Instant::now() + SUSPECT_FOR);
                false
            }
        }
    }

    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects and prepares the session. A server that takes connections and says nothing is as good as none: the driver's own
/// limit ends where the line stands.
async fn connect(address: &Address) -> ConnectionResult<AsyncPgConnection> {
    let late = |_| ConnectionError::BadConnection(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()));
    timeout(CONNECT_TIMEOUT, connect_without_limit(address)).await.map_err(late)?
}

/// Connects, with TLS where the address asks for it, and prepares the session.
async fn connect_without_limit(address: &Address) -> ConnectionResult<AsyncPgConnection> {
    let mut config: tokio_postgres::Config = address.url.parse().map_err(bad_connection)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    watch(&mut config);
    if config.get_application_name().is_none() {
        config.application_name("reasoner-webhooks");
    }
    let mut connection = if config.get_ssl_mode() == SslMode::Require {
        let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls_config()?);
        let (client, driver) = config.connect(tls).await.map_err(bad_connection)?;
        AsyncPgConnection::try_from_client_and_connection(client, driver).await?
    } else {
        let (client, driver) = config.connect(tokio_postgres::NoTls).await.map_err(bad_connection)?;
        AsyncPgConnection::try_from_client_and_connection(client, driver).await?
    };
    address.check(&mut connection).await?;
    connection.batch_execute(SESSION_SETTINGS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Makes the system notice when the other side is gone, unless the address says how.
fn watch(config: &mut tokio_postgres::Config) {
    let unsaid = tokio_postgres::Config::new();
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(DEAD_AFTER);
    }
    if config.get_keepalives_idle() == unsaid.get_keepalives_idle() {
        config.keepalives_idle(ASKED_AFTER);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(ASKED_AGAIN_AFTER);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(ASKED_TIMES);
    }
}

/// The system's certificate authorities decide whom to trust: `sslmode=require` means verified here.
fn tls_config() -> ConnectionResult<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(bad_connection)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn bad_connection(error: impl std::error::Error) -> ConnectionError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    ConnectionError::BadConnection(text)
}
