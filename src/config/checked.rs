//! The options once they are checked.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::config::environment;
use crate::config::key_file::{keys, keys_in_file};
use crate::config::mail::mail_server;
use crate::config::options::Options;
use crate::config::remote::Remote;
use crate::config::values::{
    GivenUrl, WrongValues, address, database_url, given_url, host_names, insecure, networks, number, one_of, origin,
    switch, time, web_url,
};
use crate::domain::body_pace::BodyPace;
use crate::domain::host_names::HostNames;
use crate::domain::mail_server::MailServer;
use crate::domain::network::TrustedProxies;
use crate::domain::secret::Secret;
use crate::domain::stored_key::OutsideKey;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum LogFormat {
    Text,
    Json,
}

/// Which database.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// An existing server, by its address, which may contain a password; and that of the role that changes the schema, where the first
    /// may not.
    Existing { url: Secret, owner_url: Option<Secret> },
    /// One of the program's own, below a directory.
    Embedded(PathBuf),
}

impl Database {
    /// Where no address is right, the problems say so, and what is given back is not used.
    fn check(options: &Options, problems: &mut WrongValues) -> Self {
        let (url, owner_url) = (options.database_url.as_deref(), options.database_owner_url.as_deref());
        let owner_url = problems.take_some("--database-owner-url", "DATABASE_OWNER_URL", owner_url, database_url);
        match problems.take_some("--database-url", "DATABASE_URL", url, database_url) {
            Some(url) => Database::Existing { url, owner_url },
            None => Database::Embedded(PathBuf::from(&options.data_dir)),
        }
    }
}

/// The checked configuration.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Config {
    pub bind: SocketAddr,
    pub(crate) ingest_bind: Option<SocketAddr>,
    pub(crate) metrics_bind: Option<SocketAddr>,
    /// `None`: made of the bound address.
    pub(crate) public_url: Option<Url>,
    pub(crate) ingest_url: Option<GivenUrl>,
    /// Beyond those of the two URLs.
    pub(crate) further_host_names: Vec<String>,
    pub(crate) database: Database,
    pub(crate) database_connections: u32,
    pub requires_standby: bool,
    /// The key from outside that keys in the database are encrypted under, then those of before.
    pub(crate) outside_keys: Vec<OutsideKey>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) signup_open: bool,
    pub(crate) requires_second_factor: bool,
    pub(crate) mail: Option<MailServer>,
    pub(crate) upgrade_url: Option<Url>,
    pub(crate) retention_days: u32,
    pub(crate) max_body_bytes: usize,
    /// How long requests are still answered after the program was asked to end.
    pub(crate) drain: Duration,
    pub log_format: LogFormat,
    /// The API that commands speak to, in place of the database.
    pub(crate) remote: Option<Remote>,
    /// The value of PATH, where server binaries are looked for.
    pub(crate) search_path: Option<OsString>,
    /// The value of XDG_STATE_HOME, where a user keeps what programs remember.
    pub(crate) state_home: Option<OsString>,
    /// No flag sets these, but for the time that a connection may lie idle: they are right for everybody but a test that cannot wait.
    pub connections: ConnectionLimits,
    pub body_pace: BodyPace,
}

/// What one listener gives its connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How long the head of a request may take, the first of a connection or a later one. As long as a body may.
    pub head_deadline: Duration,
    /// How long a connection may lie idle between two requests.
    pub keep_alive: Duration,
    /// How long the other side may take nothing of an answer, or be behind the least rate.
    pub write_deadline: Duration,
    /// Connections at once. Fewer where the system lets the program open fewer files.
    pub max_connections: usize,
    /// Of them, those from one address. Never more than a quarter.
    pub max_of_an_address: usize,
    /// Bytes of answers of all connections that are made and not taken. More where two of the largest bodies need more.
    pub max_unwritten_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head_deadline: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            write_deadline: Duration::from_secs(30),
            max_connections: 10_000,
            max_of_an_address: 2_500,
            max_unwritten_bytes: 32 * 1024 * 1024,
        }
    }
}

/// The largest body that fits a column and a request, in bytes.
const MAX_MAX_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// Beyond an hour nobody would get his place back.
const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(1);
const LONGEST_KEEP_ALIVE: Duration = Duration::from_secs(3_600);
/// Beyond that every supervisor kills.
const LONGEST_DRAIN_SECONDS: u64 = 600;
/// What leaves each kind of work a connection, and more than any server should have from one program.
const FEWEST_CONNECTIONS: u64 = 6;
const MOST_CONNECTIONS: u64 = 500;
/// A hundred years.
const MAX_RETENTION_DAYS: u32 = 36_500;

/// The origin of the pages, and a server to speak to, which are safe where nobody has said that they need not be.
fn addresses(options: &Options, bind: Option<SocketAddr>, problems: &mut WrongValues) -> (Option<Url>, Option<Remote>) {
    let insecure_http = problems
        .take_some("--insecure-http", "INSECURE_HTTP", options.insecure_http.as_deref(), switch)
        .unwrap_or(false);
    let public_url = problems.take_some("--public-url", "PUBLIC_URL", options.public_url.as_deref(), origin);
    if let Some(problem) = insecure(public_url.as_ref(), bind, insecure_http) {
        problems.add("--public-url", "PUBLIC_URL", problem);
    }
    (public_url, Remote::check(options, insecure_http, problems))
}

/// Whether a synchronous standby has to have what is acknowledged, which a server of the program's own cannot have.
fn requires_standby(options: &Options, database: &Database, problems: &mut WrongValues) -> bool {
    const FLAG: (&str, &str) = ("--require-sync-standby", "REQUIRE_SYNC_STANDBY");
    let required = problems.take_some(FLAG.0, FLAG.1, options.require_sync_standby.as_deref(), switch).unwrap_or(false);
    if required && matches!(database, Database::Embedded(_)) && options.database_url.is_none() {
        let problem = "is on, and the program's own PostgreSQL has no standby: set --database-url (DATABASE_URL)";
        problems.add(FLAG.0, FLAG.1, problem.to_owned());
    }
    required
}

/// Those of the file, or of the environment.
fn outside_keys(options: &Options, problems: &mut WrongValues) -> Vec<OutsideKey> {
    const FLAG: (&str, &str) = ("--installation-key-file", "INSTALLATION_KEY_FILE");
    let file = options.installation_key_file.as_deref();
    let in_file = problems.take_some(FLAG.0, FLAG.1, file, keys_in_file);
    let Some(given) = environment::installation_key() else { return in_file.unwrap_or_default() };
    if in_file.is_some() {
        problems.add(FLAG.0, FLAG.1, "is given, and INSTALLATION_KEY is too: take one of them away".to_owned());
    }
    let read = keys(given.reveal()).map_err(|problem| format!("is a text {problem}"));
    problems.take("the environment", "INSTALLATION_KEY", read).unwrap_or_default()
}

impl Config {
    /// Checks everything and reports all that is wrong.
    pub fn check(options: Options) -> Result<Self, WrongValues> {
        let options = options.with_defaults();
        let mut problems = WrongValues::default();
        let bind = problems.take("--bind", "BIND", address(&options.bind));
        let ingest_bind = problems.take_some("--ingest-bind", "INGEST_BIND", options.ingest_bind.as_deref(), address);
        let metrics_bind =
            problems.take_some("--metrics-bind", "METRICS_BIND", options.metrics_bind.as_deref(), address);
        let (public_url, remote) = addresses(&options, bind, &mut problems);
        let ingest_url = problems.take_some("--ingest-url", "INGEST_URL", options.ingest_url.as_deref(), given_url);
        let further_host_names =
            problems.take_some("--host-names", "HOST_NAMES", options.host_names.as_deref(), host_names);
        let upgrade_url = problems.take_some("--upgrade-url", "UPGRADE_URL", options.upgrade_url.as_deref(), web_url);
        let mail = mail_server(&options, &mut problems);
        let database = Database::check(&options, &mut problems);
        let connections = number(&options.database_connections, FEWEST_CONNECTIONS, MOST_CONNECTIONS);
        let connections =
            problems.take("--database-connections", "DATABASE_CONNECTIONS", connections).unwrap_or_default();
        let requires_standby = requires_standby(&options, &database, &mut problems);
        let outside_keys = outside_keys(&options, &mut problems);
        let networks =
            problems.take_some("--trusted-proxies", "TRUSTED_PROXIES", options.trusted_proxies.as_deref(), networks);
        let signup_open =
            problems.take("--signup", "SIGNUP", one_of(&options.signup, [("closed", false), ("open", true)]));
        let required = options.require_second_factor.as_deref();
        let requires_second_factor =
            problems.take_some("--require-second-factor", "REQUIRE_SECOND_FACTOR", required, switch).unwrap_or(false);
        let days = number(&options.retention_days, 1, u64::from(MAX_RETENTION_DAYS));
        let retention_days = problems.take("--retention-days", "RETENTION_DAYS", days);
        let bytes = number(&options.max_body_bytes, 1, MAX_MAX_BODY_BYTES);
        let max_body_bytes = problems.take("--max-body-bytes", "MAX_BODY_BYTES", bytes);
        let keep_alive = problems.take(
            "--keep-alive",
            "KEEP_ALIVE",
            time(&options.keep_alive, SHORTEST_KEEP_ALIVE, LONGEST_KEEP_ALIVE),
        );
        let drain = number(&options.drain_seconds, 0, LONGEST_DRAIN_SECONDS);
        let drain = problems.take("--drain-seconds", "DRAIN_SECONDS", drain).unwrap_or_default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = problems.take("--log-format", "LOG_FORMAT", one_of(&options.log_format, formats));
        match (bind, signup_open, retention_days, max_body_bytes, keep_alive, log_format) {
            (Some(bind), Some(signup_open), Some(days), Some(bytes), Some(keep_alive), Some(log_format))
                if problems.is_empty() =>
            {
                Ok(Self {
                    bind,
                    ingest_bind,
                    metrics_bind,
                    public_url,
                    ingest_url,
                    further_host_names: further_host_names.unwrap_or_default(),
                    database,
                    database_connections: u32::try_from(connections).unwrap_or(u32::MAX),
                    requires_standby,
                    outside_keys,
                    trusted_proxies: TrustedProxies::new(networks.unwrap_or_default()),
                    signup_open,
                    requires_second_factor,
                    mail,
                    upgrade_url,
                    retention_days: u32::try_from(days).unwrap_or(MAX_RETENTION_DAYS),
                    max_body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                    drain: Duration::from_secs(drain),
                    log_format,
                    remote,
                    search_path: std::env::var_os("PATH"),
                    state_home: std::env::var_os("XDG_STATE_HOME"),
                    connections: ConnectionLimits { keep_alive, ..ConnectionLimits::default() },
                    body_pace: BodyPace::default(),
                })
            }
            _ => Err(problems),
        }
    }
}

impl Config {
    /// The origin of the pages, without a slash at its end; `bound` is where they are listened on.
    pub(crate) fn public_origin(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }

    /// Whether it says where people and senders find the program. Commands are seldom told, and `serve` is.
    pub(crate) fn names_addresses(&self) -> bool {
        self.public_url.is_some() || self.ingest_url.is_some()
    }

    /// The hosts that pages and metrics answer to.
    pub(crate) fn host_names(&self, bound: SocketAddr) -> HostNames {
        let urls = [self.public_url.as_ref(), self.ingest_url.as_ref().map(|given| &given.url)];
        let names = urls.into_iter().flatten().filter_map(Url::host_str);
        let further = self.further_host_names.iter().map(String::as_str);
        HostNames::new(names.chain(further), std::iter::once(bound).chain(self.metrics_bind).map(|bound| bound.ip()))
    }

    /// The endpoint as users are shown it.
    pub(crate) fn endpoint(&self, bound: SocketAddr) -> String {
        match &self.ingest_url {
            Some(url) => url.text.clone(),
            None => format!("{}/", self.public_origin(bound)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::checked::{Config, Database};
    use crate::config::options::Options;

    fn options() -> Options {
        Options::default()
    }

    #[test]
    fn the_defaults_are_right() {
        let config = Config::check(options()).unwrap();
        assert!(matches!(config.database, Database::Embedded(dir) if dir.as_os_str() == "./data"));
        assert_eq!(config.max_body_bytes, 1_048_576);
    }

    #[test]
    fn every_wrong_value_is_reported_at_once_with_flag_and_variable() {
        let wrong = Options {
            bind: "nowhere".to_owned(),
            ingest_bind: Some("1.2.3.4".to_owned()),
            metrics_bind: Some(":".to_owned()),
            public_url: Some("https://example.com/path".to_owned()),
            ingest_url: Some("ftp://example.com".to_owned()),
            host_names: Some("internal,http://x/".to_owned()),
            database_url: Some("mysql://user:canary@host/db".to_owned()),
            database_owner_url: Some("mysql://owner:canary@host/db".to_owned()),
            database_connections: "5".to_owned(),
            require_sync_standby: Some("please".to_owned()),
            data_dir: "".into(),
            installation_key_file: Some("/nowhere/key".to_owned()),
            trusted_proxies: Some("10.0.0.0/8,banana".to_owned()),
            signup: "maybe".to_owned(),
            require_second_factor: Some("of course".to_owned()),
            smtp_url: Some("http://user:canary@host".to_owned()),
            mail_from: Some("nobody".to_owned()),
            smtp_plain: Some("perhaps".to_owned()),
            upgrade_url: Some("upgrade".to_owned()),
            retention_days: "0".to_owned(),
            max_body_bytes: "1 MB".to_owned(),
            keep_alive: "1 minute".to_owned(),
            drain_seconds: "a while".to_owned(),
            log_format: "xml".to_owned(),
            insecure_http: Some("perhaps".to_owned()),
            server: Some("http://example.com".to_owned()),
            token_file: Some("/nowhere/token".to_owned()),
        };
        let report = Config::check(wrong).unwrap_err().to_string();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines.len(), 26, "{report}");
        for (flag, variable) in [("--bind", "BIND"), ("--public-url", "PUBLIC_URL"), ("--signup", "SIGNUP")] {
            assert!(lines.iter().any(|line| line.starts_with(&format!("{flag} ({variable}) "))), "{report}");
        }
        assert!(!report.contains("canary"), "{report}");
    }

    #[test]
    fn plain_http_is_for_loopback_unless_it_is_asked_for() {
        let with_url = |url: &str| Options { public_url: Some(url.to_owned()), ..options() };
        for fine in ["https://example.com", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:9"] {
            assert!(Config::check(with_url(fine)).is_ok(), "{fine}");
        }
        assert!(Config::check(with_url("http://example.com")).is_err());
        assert!(Config::check(Options { bind: "0.0.0.0:8080".to_owned(), ..options() }).is_err());
        let asked = Options { insecure_http: Some("true".to_owned()), ..with_url("http://example.com") };
        assert!(Config::check(asked).is_ok());
    }

    #[test]
    fn an_idle_connection_stays_open_for_a_time_in_seconds_or_minutes() {
        let kept = |text: &str| {
            let options = Options { keep_alive: text.to_owned(), ..options() };
            Config::check(options).map(|config| config.connections.keep_alive.as_secs())
        };
        for (text, seconds) in [("", 75), ("75s", 75), ("1s", 1), ("2m", 120), ("60m", 3_600)] {
            assert_eq!(kept(text), Ok(seconds), "{text}");
        }
        for wrong in ["0s", "75", "s", "-1s", "+5s", "61m", "1h", "1.5s", "75 s", "99999999999999999999m"] {
            let told = kept(wrong).unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("--keep-alive (KEEP_ALIVE) is {wrong:?}: ")) && told.contains("75s"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_standby_can_be_required_of_an_existing_server_alone() {
        let required = |url: Option<&str>| {
            let options = Options {
                require_sync_standby: Some("true".to_owned()),
                database_url: url.map(str::to_owned),
                ..options()
            };
            Config::check(options).map(|config| config.requires_standby).map_err(|wrong| wrong.to_string())
        };
        assert_eq!(required(Some("postgresql://db/events")), Ok(true));
        let told = required(None).unwrap_err();
        assert!(told.contains("has no standby: set --database-url"), "{told}");
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let empty = Options { database_url: Some(String::new()), ingest_bind: Some(String::new()), ..options() };
        let config = Config::check(empty).unwrap();
        assert!(matches!(config.database, Database::Embedded(_)) && config.ingest_bind.is_none());
    }
}
