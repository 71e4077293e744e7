//! Connecting: failover between hosts, TLS, session settings.
//!
//! Opens connections: tries the hosts of the address one by one, with TLS where the address asks for it, and prepares the session.
//! The pool, and whoever needs a connection of their own, come here.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::domain::digest::sha256;
use crate::store::connection::error::StoreError;
use crate::tls;

/// How long the only host of an address may take until the session is ready.
const ONLY_HOST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long each of several hosts may take: one that accepts connections and says nothing must not hide the next.
const HOST_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection on which nothing comes back for so long is dead. Without that, a statement that was under way when the other side
/// vanished would wait for a quarter of an hour.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// TCP keepalive finds out for those who wait for an answer and have nothing to send.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_RETRIES: u32 = 3;

/// What every session is set to.
const SESSION_SETTINGS: &str = "set statement_timeout = '8s'; set lock_timeout = '4s'; \
     set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set client_min_messages = warning";
/// Commits wait for what the server promises, and for its disk at least.
const COMMITS_AS_PROMISED: &str = "select set_config('synchronous_commit', 'on', false) \
     where current_setting('synchronous_commit') not in ('on', 'remote_apply')";
/// Commits wait for the disk of the server and for no standby, but for those of transactions that begin with [`BEGIN`]: where the
/// standby is gone, a note about a session must not keep its row locked, and every page of that session from its reader.
const COMMITS_WITHOUT_STANDBY: &str = "select set_config('reasoner.synchronous_commit', current_setting('synchronous_commit'), false); \
     set synchronous_commit = local";
/// Begins a transaction whose commit waits until it is on disk, whatever the session is set to: behind a pooler, the session may be
/// somebody else's. Of a server that promises more, `remote_apply`, it is that.
pub(in crate::store) const BEGIN: &str = "begin; select set_config('synchronous_commit', \
     case current_setting('reasoner.synchronous_commit', true) when 'remote_apply' then 'remote_apply' else 'on' end, true) \
     where current_setting('synchronous_commit') not in ('on', 'remote_apply')";
/// Begins one for what may be lost together with the server: its commit waits for no standby.
pub(in crate::store) const BEGIN_WITHOUT_STANDBY: &str = "begin";

/// Opens connections to one database.
pub(in crate::store) struct Connector {
    /// The hosts of the address, each with everything else that the address says.
    hosts: Vec<Config>,
    /// The host that answered last, which is tried first.
    preferred: AtomicUsize,
    /// How often connections went to another host than those before.
    moves: AtomicU64,
    /// A statement that fails on the server of another cluster.
    cluster_check: Option<String>,
    /// A statement that fails on the database of another installation.
    installation_check: OnceLock<String>,
}

impl Connector {
    /// `url` is an address as libpq takes it; it may name several hosts. Where a system identifier is given, only the server of the
    /// cluster that has it will do.
    pub(crate) fn new(url: &str, system_identifier: Option<u64>) -> Result<Self, StoreError> {
        let config: Config = url.parse().map_err(unreadable)?;
        let cluster_check = system_identifier.map(|identifier| {
            // The server has it as a signed number.
            let identifier = identifier.cast_signed();
            format!("select 1 / (select count(*) from pg_control_system() where system_identifier = {identifier})")
        });
        Ok(Self {
            hosts: split_hosts(&config),
            preferred: AtomicUsize::new(0),
            moves: AtomicU64::new(0),
            cluster_check,
            installation_check: OnceLock::new(),
        })
    }

    /// From now on connects only to the database whose installation has this checksum key. In another one, every sender would be
    /// unknown, and told so.
    pub(crate) fn require_installation(&self, checksum_key: &[u8]) {
        let digits = sha256(checksum_key).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sql = format!(
            "select 1 / (select count(*) from installation where encode(sha256(checksum_key), 'hex') = '{digits}')"
        );
        // Set once: an installation keeps its key.
        let _ = self.installation_check.set(sql);
    }

    /// Connects to the first host that answers, beginning with the one that did so last. The connection is driven by the runtime of
    /// the caller.
    pub(crate) async fn connect<S: Session>(&self) -> Result<S, StoreError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let limit = if self.hosts.len() == 1 { ONLY_HOST_TIMEOUT } else { HOST_TIMEOUT };
        let mut problem = StoreError::Unavailable("the address names no host".to_owned());
        for offset in 0..self.hosts.len() {
            let number = (first + offset) % self.hosts.len();
            let late = |_| StoreError::Unavailable(format!("no answer within {} s", limit.as_secs()));
            match timeout(limit, self.open::<S>(&self.hosts[number])).await.map_err(late).flatten() {
                Ok(mut session) => {
                    if self.preferred.swap(number, Ordering::Relaxed) != number {
                        self.moves.fetch_add(1, Ordering::Relaxed);
                    }
                    if self.hosts.len() > 1 {
                        session.execute(&format!("set reasoner.moves = '{}'", self.moves())).await?;
                    }
                    return Ok(session);
                }
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    /// How often connections went to another host. What is connected to the one before is no longer used: it may have hung while another
    /// became the primary, and would take events that nobody finds.
    pub(crate) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// Fails on a connection that is older than the last move.
    pub(crate) fn check(&self) -> String {
        match self.moves() {
            0 => String::new(),
            moves => format!("select 1 / (current_setting('reasoner.moves', true) = '{moves}')::integer"),
        }
    }

    /// Asks the server to end the statement of a connection.
    pub(crate) async fn cancel(&self, token: CancelToken) {
        let asked = match tls_for(&self.hosts[0]) {
            Ok(Some(tls)) => token.cancel_query(tls).await,
            Ok(None) => token.cancel_query(NoTls).await,
            Err(_) => return,
        };
        if let Err(error) = asked {
            tracing::debug!(%error, "a statement could not be cancelled");
        }
    }

    async fn open<S: Session>(&self, config: &Config) -> Result<S, StoreError> {
        let mut session = match tls_for(config)? {
            Some(tls) => {
                let (client, connection) = config.connect(tls).await?;
                S::start(client, connection).await?
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                S::start(client, connection).await?
            }
        };
        session.execute(&format!("{SESSION_SETTINGS}; {}", S::COMMITS)).await?;
        for check in self.cluster_check.iter().chain(self.installation_check.get()) {
            session.execute(check).await.map_err(|error| match error.is_unavailable() {
                true => error,
                false => StoreError::Unavailable("this is another database than the one that was here".to_owned()),
            })?;
        }
        Ok(session)
    }
}

/// What a new connection becomes.
pub(in crate::store) trait Session: Sized {
    /// The statements that say what its commits wait for.
    const COMMITS: &'static str;

    /// Takes the two halves that the driver gives.
    async fn start<T: TlsStream + Unpin + Send + 'static>(
        client: Client,
        connection: tokio_postgres::Connection<Socket, T>,
    ) -> Result<Self, StoreError>;

    /// Executes statements that give nothing.
    async fn execute(&mut self, sql: &str) -> Result<(), StoreError>;
}

impl Session for AsyncPgConnection {
    const COMMITS: &'static str = COMMITS_WITHOUT_STANDBY;

    async fn start<T: TlsStream + Unpin + Send + 'static>(
        client: Client,
        connection: tokio_postgres::Connection<Socket, T>,
    ) -> Result<Self, StoreError> {
        Ok(AsyncPgConnection::try_from_client_and_connection(client, connection).await?)
    }

    async fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.batch_execute(sql).await?)
    }
}

/// The driver's own client, whose errors tell their SQLSTATE.
#[derive(Debug)]
pub(in crate::store) struct RawSession {
    pub(crate) client: Client,
    /// Reads and writes for the client. Ends, with the reason, when the connection does.
    driver: JoinHandle<Result<(), tokio_postgres::Error>>,
    /// The server has sent a warning since this was last asked.
    has_warned: Arc<AtomicBool>,
}

impl RawSession {
    /// Whether the server has warned since the last call. It does where a commit gave up waiting for its standby, and calls it done.
    pub(crate) fn take_warning(&self) -> bool {
        self.has_warned.swap(false, Ordering::AcqRel)
    }

    /// The error of a statement; of one that failed because the connection ended, why that was.
    pub(crate) async fn cause(&mut self, error: tokio_postgres::Error) -> StoreError {
        if error.is_closed()
            && let Ok(Ok(Err(cause))) = timeout(HOST_TIMEOUT, &mut self.driver).await
        {
            return cause.into();
        }
        error.into()
    }
}

impl Session for RawSession {
    const COMMITS: &'static str = COMMITS_AS_PROMISED;

    async fn start<T: TlsStream + Unpin + Send + 'static>(
        client: Client,
        mut connection: tokio_postgres::Connection<Socket, T>,
    ) -> Result<Self, StoreError> {
        let has_warned = Arc::new(AtomicBool::new(false));
        let noted = has_warned.clone();
        let driver = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message? {
                    tracing::warn!(code = notice.code().code(), "the database warns: {}", notice.message());
                    noted.store(true, Ordering::Release);
                }
            }
            Ok(())
        });
        Ok(Self { client, driver, has_warned })
    }

    async fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        match self.client.batch_execute(sql).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.cause(error).await),
        }
    }
}

/// Each host of an address with all else that the address says, completed by what makes a dead connection noticed.
fn split_hosts(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let one = |number: usize| {
        let mut one = without_hosts(config, count > 1);
        match hosts.get(number) {
            Some(Host::Tcp(name)) => one.host(name),
            Some(Host::Unix(path)) => one.host_path(path),
            None => &mut one,
        };
        if let Some(address) = addresses.get(number) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(number).or(ports.first()) {
            one.port(*port);
        }
        one
    };
    (0..count).map(one).collect()
}

fn without_hosts(config: &Config, has_several: bool) -> Config {
    let mut one = Config::new();
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    one.application_name(config.get_application_name().unwrap_or("reasoner-webhooks"));
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.channel_binding(config.get_channel_binding());
    // Of several hosts, the one that takes writes is meant: a standby would refuse every event.
    let any = config.get_target_session_attrs() == TargetSessionAttrs::Any;
    one.target_session_attrs(if any && has_several {
        TargetSessionAttrs::ReadWrite
    } else {
        config.get_target_session_attrs()
    });
    let limit = if has_several { HOST_TIMEOUT } else { ONLY_HOST_TIMEOUT };
    one.connect_timeout(config.get_connect_timeout().map_or(limit, |given| limit.min(*given)));
    one.tcp_user_timeout(config.get_tcp_user_timeout().map_or(TCP_USER_TIMEOUT, |given| *given));
    one.keepalives(config.get_keepalives());
    let has_default_idle = config.get_keepalives_idle() == Config::new().get_keepalives_idle();
    one.keepalives_idle(if has_default_idle { KEEPALIVE_IDLE } else { config.get_keepalives_idle() });
    one.keepalives_interval(config.get_keepalives_interval().unwrap_or(KEEPALIVE_INTERVAL));
    one.keepalives_retries(config.get_keepalives_retries().unwrap_or(KEEPALIVE_RETRIES));
    one
}

/// TLS, where the address asks for it. The system's certificate authorities decide whom to trust: `sslmode=require` means verified
/// here.
fn tls_for(config: &Config) -> Result<Option<MakeRustlsConnect>, StoreError> {
    if config.get_ssl_mode() != SslMode::Require {
        return Ok(None);
    }
    let tls = tls::trusting_the_system().map_err(unreadable)?;
    Ok(Some(MakeRustlsConnect::new(tls)))
}

fn unreadable(error: impl std::error::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::Config;
    use tokio_postgres::config::{Host, TargetSessionAttrs};

    use super::split_hosts;

    #[test]
    fn each_host_of_an_address_gets_its_port_and_all_the_rest() {
        let url = "postgresql://me:secret@one:1,two:2/events?options=-c%20x%3Dy";
        let hosts = split_hosts(&url.parse::<Config>().unwrap());
        assert_eq!(hosts.len(), 2);
        for (number, config) in hosts.iter().enumerate() {
            let name = ["one", "two"][number];
            assert_eq!(config.get_hosts(), [Host::Tcp(name.to_owned())]);
            assert_eq!(config.get_ports(), [number as u16 + 1]);
            assert_eq!((config.get_user(), config.get_dbname()), (Some("me"), Some("events")));
            assert_eq!(config.get_password(), Some(&b"secret"[..]));
            assert_eq!(config.get_options(), Some("-c x=y"));
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite, "{name} has to take writes");
        }
    }

    #[test]
    fn one_host_is_taken_as_it_is() {
        let hosts = split_hosts(&"postgresql://me@%2Frun%2Fpostgresql/events".parse::<Config>().unwrap());
        assert_eq!(hosts.len(), 1);
        assert_eq!(hosts[0].get_hosts(), [Host::Unix("/run/postgresql".into())]);
        assert_eq!(hosts[0].get_target_session_attrs(), TargetSessionAttrs::Any);
    }
}
