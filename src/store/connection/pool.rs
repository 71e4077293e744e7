//! The connection pool, transactions, and background connections.
//!
//! Connections: a bounded pool that never makes a caller wait longer than two seconds, and transactions over one of its
//! connections. How they are opened is for `connect`.

use std::cell::Cell;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8::QueueStrategy;
use diesel::ConnectionError;
use diesel::result::Error::BrokenTransactionManager;
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection, RunError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinHandle;
use tokio::task_local;
use tokio::time::{Instant, timeout};
use tokio_postgres::CancelToken;

use crate::domain::ids::AccountId;
use crate::fair_queue::{FairQueue, Limits, Permit, QueueError};
use crate::metrics::{Counter, Durations};
use crate::store::connection::connect::{BEGIN, BEGIN_WITHOUT_STANDBY, Connector, RawSession};
use crate::store::connection::error::StoreError;
use crate::store::connection::pacing::Pacing;

/// How long a caller waits for a connection, connecting included.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection of the pool may take to say that it is alive. Once one was silent, the others, which are likely to
/// be as dead, get less time for a while: a caller must not wait for each of them in turn.
const MAX_SILENCE: Duration = Duration::from_secs(1);
const MAX_SILENCE_OF_SUSPECTS: Duration = Duration::from_millis(200);
const SUSPECT_FOR: Duration = Duration::from_secs(10);
/// Connections of one program, where nobody says how many; those of writers come on top.
pub const DEFAULT_CONNECTIONS: u32 = 12;

/// What an operator may say of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// The most connections of the pool.
    pub max_connections: u32,
    /// Whether events are stored only where a synchronous standby confirms it.
    pub requires_standby: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_connections: DEFAULT_CONNECTIONS, requires_standby: false }
    }
}

impl StoreOptions {
    /// Searches of one program at once, of which an account has one, and its live pages one beside it. The other connections are left
    /// to pages that take no time.
    fn searches(self) -> Limits {
        Limits { permits: self.max_connections as usize / 3, per_key: 1, waiting_per_key: 64 }
    }

    /// How many connections visitors have, who are not signed in, and those of one address: who signs in from elsewhere finds one, and
    /// so do those who are.
    fn visitors(self) -> Limits {
        Limits { permits: self.max_connections as usize / 2, per_key: 2, waiting_per_key: 64 }
    }

    /// How many exports and the like may have at once, so that pages find one.
    pub fn background(self) -> usize {
        self.max_connections as usize / 4
    }
}

/// Who searches: an account by its pages, or by what these show live. A live page that waited for the search beside it would be
/// refused where that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Searcher {
    pub(crate) account: AccountId,
    pub(crate) is_live: bool,
}

/// A connection, as the queries of this layer take it.
pub type Connection = AsyncPgConnection;
/// A connection that goes back to the pool when dropped.
pub struct Pooled {
    connection: PooledConnection<'static, AsyncPgConnection>,
    /// Of a visitor, among those that visitors have.
    _permit: Option<Permit<IpAddr>>,
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// What knows which transactions are open, so that the pool takes no connection back that is within one.
pub(in crate::store) type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// The database of this installation.
#[derive(Clone)]
pub struct Store {
    pool: Pool<AsyncPgConnection>,
    connector: Arc<Connector>,
    /// Connects as whoever may change the schema.
    owner: Arc<Connector>,
    waits: Arc<Waits>,
    searches: FairQueue<Searcher>,
    visitors: FairQueue<IpAddr>,
    runtime: Handle,
    background: Arc<Semaphore>,
    pacing: Pacing,
    batches: Arc<RwLock<()>>,
    options: StoreOptions,
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

/// A statement that locks something until its transaction ends. It goes with the beginning, which saves a round trip.
#[derive(Debug)]
pub(crate) struct Lock(pub(in crate::store) String);

/// How long callers waited for a connection of the pool.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// The waits that ended well: a look at whether the connection is alive is part of them.
    pub(crate) granted: Durations,
    /// Callers that got none in time.
    pub(crate) failed: Counter,
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
        Self::open_as(url, None, None, StoreOptions::default()).await
    }

    /// The same, with another role for whatever changes the schema, so that the pool's needs no right to; and for the server of one
    /// cluster and no other that may answer at this address, by its system identifier.
    pub async fn open_as(
        url: &str,
        owner_url: Option<&str>,
        system_identifier: Option<u64>,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        // Every connection is driven by the runtime that opened the store. The workers of the HTTP server have runtimes of
        // their own, which end before the last notes are written.
        let runtime = Handle::current();
        let connecting = runtime.clone();
        let connector = Arc::new(Connector::new(url, system_identifier)?);
        let owner = match owner_url {
            Some(url) => Arc::new(Connector::new(url, system_identifier)?),
            None => connector.clone(),
        };
        let connecting_to = connector.clone();
        let mut config = ManagerConfig::default();
        config.custom_setup = Box::new(move |_| {
            let (runtime, connector) = (connecting.clone(), connecting_to.clone());
            async move {
                let connecting = runtime.spawn(async move { connector.connect().await });
                connecting.await.map_err(bad_connection)?.map_err(bad_connection)
            }
            .boxed()
        });
        // A connection that is closed, or on which nobody answers, is not handed out: the first request after a restart of the
        // database succeeds, and one during a hang is over in time.
        let (suspicion, checking) = (Arc::new(Suspicion::default()), connector.clone());
        config.recycling_method = RecyclingMethod::CustomFunction(Box::new(move |conn: &mut AsyncPgConnection| {
            let (suspicion, check) = (suspicion.clone(), checking.check());
            async move { if suspicion.is_alive(conn, &check).await { Ok(()) } else { Err(BrokenTransactionManager) } }
                .boxed()
        }));
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder()
            .max_size(options.max_connections)
            .connection_timeout(ACQUIRE_TIMEOUT)
            .test_on_check_out(true)
            // The connection that was used last knows most statements, and was alive a moment ago.
            .queue_strategy(QueueStrategy::Lifo)
            .build(manager)
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let (searches, visitors) = (FairQueue::new(options.searches()), FairQueue::new(options.visitors()));
        let background = Arc::new(Semaphore::new(options.background()));
        Ok(Self {
            pool,
            connector,
            owner,
            waits: Arc::default(),
            searches,
            visitors,
            runtime,
            background,
            pacing: Pacing::default(),
            batches: Arc::default(),
            options,
        })
    }

    /// A connection from the pool.
    pub async fn connection(&self) -> Result<Pooled, StoreError> {
        let began = Instant::now();
        let connection = self.connect().await;
        match &connection {
            Ok(_) => self.waits.granted.note_duration(began.elapsed()),
            Err(_) => self.waits.failed.add(1),
        }
        connection
    }

    async fn connect(&self) -> Result<Pooled, StoreError> {
        let late = || StoreError::Unavailable(format!("no connection within {} s", ACQUIRE_TIMEOUT.as_secs()));
        let _permit = match visitor() {
            Some(address) => {
                Some(self.visitors.acquire_within(address, ACQUIRE_TIMEOUT).await.map_err(|error| match error {
                    QueueError::Full => StoreError::Unavailable("too many visitors of one address wait".to_owned()),
                    QueueError::TimedOut | QueueError::Failed => late(),
                })?)
            }
            None => None,
        };
        let connection = self.pool.get_owned().await.map_err(|error| match error {
            RunError::TimedOut => late(),
            other => StoreError::Unavailable(other.to_string()),
        })?;
        Ok(Pooled { connection, _permit })
    }

    /// The turn to write one batch of events. Waits while the database server is restarted.
    pub(crate) async fn batch_turn(&self) -> OwnedRwLockReadGuard<()> {
        self.batches.clone().read_owned().await
    }

    /// Waits until no batch is being written. No other begins until what is given back is dropped.
    pub(crate) async fn pause_batches(&self) -> OwnedRwLockWriteGuard<()> {
        self.batches.clone().write_owned().await
    }

    /// Whether senders need the machine just now.
    pub(crate) fn pacing(&self) -> &Pacing {
        &self.pacing
    }

    /// How long callers waited since the start.
    pub(crate) fn waits(&self) -> &Waits {
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
    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }

    /// A connection of one's own, outside the pool: for advisory locks, which belong to a session.
    pub async fn own_connection(&self) -> Result<Connection, StoreError> {
        self.connector.connect().await
    }

    /// The same, for what changes the schema.
    pub(crate) async fn owner_connection(&self) -> Result<Connection, StoreError> {
        self.owner.connect().await
    }

    /// Whether the schema is changed at another address.
    pub(in crate::store) fn has_owner_apart(&self) -> bool {
        !Arc::ptr_eq(&self.connector, &self.owner)
    }

    /// The turns of searches.
    pub(crate) fn searches(&self) -> &FairQueue<Searcher> {
        &self.searches
    }

    /// Where what has to end by itself runs on: the workers of the HTTP server come and go.
    pub(in crate::store) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Makes the pool replace a connection of which nobody knows how it is.
    pub(in crate::store) fn give_up(conn: &mut Connection) {
        Manager::transaction_manager_status_mut(conn).set_in_error();
    }

    /// What the operator says of it.
    pub(crate) fn options(&self) -> StoreOptions {
        self.options
    }

    /// How often connections went to another host than those before.
    pub(in crate::store) fn moves(&self) -> u64 {
        self.connector.moves()
    }

    /// A client of the driver, outside the pool, whose errors tell their SQLSTATE.
    pub(in crate::store) async fn raw_session(&self) -> Result<RawSession, StoreError> {
        self.connector.connect().await
    }

    /// Asks the server to end the statement of a connection.
    pub(in crate::store) async fn cancel(&self, token: CancelToken) {
        self.connector.cancel(token).await;
    }

    /// From now on takes no connection to the database of another installation than the one that has this checksum key.
    pub(crate) fn require_installation(&self, checksum_key: &[u8]) {
        self.connector.require_installation(checksum_key);
        self.owner.require_installation(checksum_key);
    }

    /// Runs `act` in a transaction: committed when it answers `Ok`, rolled back when it answers `Err`.
    pub(crate) async fn transaction<T, E: From<StoreError>>(
        &self,
        act: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_with(BEGIN, act).await
    }

    /// The same for what may be lost together with the server, as notes about use are: its commit waits for no standby, and keeps
    /// nothing locked while that is gone.
    pub(crate) async fn transaction_without_standby<T, E: From<StoreError>>(
        &self,
        act: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_with(BEGIN_WITHOUT_STANDBY, act).await
    }

    /// The same as [`Store::transaction`], under a lock from the beginning.
    pub(crate) async fn transaction_under<T, E: From<StoreError>>(
        &self,
        lock: &Lock,
        act: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_with(&format!("{BEGIN}; {}", lock.0), act).await
    }

    async fn begin_with<T, E: From<StoreError>>(
        &self,
        begin: &str,
        act: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection().await?;
        Manager::begin_transaction_sql(&mut *connection, begin).await.map_err(StoreError::from)?;
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

task_local! {
    /// Whether a connection has answered that it is alive.
    static HAS_ANSWERED: Cell<bool>;
    /// From where somebody asks who is not signed in.
    static VISITOR: Option<IpAddr>;
}

fn visitor() -> Option<IpAddr> {
    VISITOR.try_with(|address| *address).ok().flatten()
}

/// Within the request of a visitor, connections come from those that visitors have, in the share of an address.
pub(crate) async fn as_visitor<T>(address: IpAddr, request: impl Future<Output = T>) -> T {
    VISITOR.scope(Some(address), request).await
}

/// Within one request, connections are asked whether they are alive until one has answered: each time is a round trip.
pub(crate) async fn ask_once<T>(request: impl Future<Output = T>) -> T {
    HAS_ANSWERED.scope(Cell::new(false), request).await
}

/// For a task that goes on with the work of this request: it knows what the request knows of connections, and whose it is.
pub(crate) fn as_part_of_request<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let has_answered = HAS_ANSWERED.try_with(Cell::get).unwrap_or(false);
    VISITOR.scope(visitor(), HAS_ANSWERED.scope(Cell::new(has_answered), work))
}

/// Until when silence is taken for death sooner than usual.
#[derive(Default)]
struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    /// Asks the server, which is a round trip, and takes no answer for one: whether it answers, and what the check says.
    async fn is_alive(&self, conn: &mut AsyncPgConnection, check: &str) -> bool {
        if conn.is_broken() {
            return false;
        }
        if check.is_empty() && HAS_ANSWERED.try_with(Cell::get).unwrap_or(false) {
            return true;
        }
        let suspects = self.until().is_some_and(|until| Instant::now() < until);
        let patience = if suspects { MAX_SILENCE_OF_SUSPECTS } else { MAX_SILENCE };
        match timeout(patience, conn.batch_execute(check)).await {
            Ok(answer) => {
                let _ = HAS_ANSWERED.try_with(|has| has.set(answer.is_ok()));
                answer.is_ok()
            }
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

fn bad_connection(error: impl std::error::Error) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}
