//! What the program is told: every option is a flag and an environment variable. All of it is read and checked here, before
//! anything is opened, and every wrong value is reported at once. No other file reads the environment.

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;
use url::{Host, Url};

use crate::domain::network::TrustedProxies;
use crate::domain::secret::Secret;

/// The options as they were given: texts, so that a wrong one is reported in our words, with all the others.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub struct Options {
    /// Address of pages and ingest; port 0 picks a free one
    #[arg(long, env = "BIND", value_name = "ADDRESS:PORT", global = true, default_value = "127.0.0.1:8080")]
    pub bind: String,
    /// A second listener that serves ingest and nothing else
    #[arg(long, env = "INGEST_BIND", value_name = "ADDRESS:PORT", global = true)]
    pub ingest_bind: Option<String>,
    /// A listener for /metrics (Prometheus text); never on the public one
    #[arg(long, env = "METRICS_BIND", value_name = "ADDRESS:PORT", global = true)]
    pub metrics_bind: Option<String>,
    /// Origin of the pages, for links, cookies and the origin check [default: http:// and the bind address]
    #[arg(long, env = "PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// The endpoint address shown to users [default: the public URL and /]
    #[arg(long, env = "INGEST_URL", value_name = "URL", global = true)]
    pub ingest_url: Option<String>,
    /// An existing Postgres, 14 or newer [default: a PostgreSQL of the program's own]
    #[arg(long, env = "DATABASE_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where the program's own PostgreSQL lives
    #[arg(long, env = "DATA_DIR", value_name = "DIR", global = true, default_value = DEFAULT_DATA_DIR)]
    pub data_dir: OsString,
    /// Networks of proxies whose forwarding headers are believed, comma-separated, read from the right
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "CIDR,...", global = true)]
    pub trusted_proxies: Option<String>,
    /// `open` lets visitors create Free accounts
    #[arg(long, env = "SIGNUP", value_name = "open|closed", global = true, default_value = "closed")]
    pub signup: String,
    /// Where the locked page sends Free accounts
    #[arg(long, env = "UPGRADE_URL", value_name = "URL", global = true)]
    pub upgrade_url: Option<String>,
    /// How long events are kept, in days
    #[arg(
        long,
        env = "RETENTION_DAYS",
        allow_negative_numbers = true,
        value_name = "DAYS",
        global = true,
        default_value = "90"
    )]
    pub retention_days: String,
    /// Largest accepted body, in bytes
    #[arg(
        long,
        env = "MAX_BODY_BYTES",
        allow_negative_numbers = true,
        value_name = "BYTES",
        global = true,
        default_value = "1048576"
    )]
    pub max_body_bytes: String,
    /// How the log is written
    #[arg(long, env = "LOG_FORMAT", value_name = "text|json", global = true, default_value = "text")]
    pub log_format: String,
    /// Allow a public URL that is neither https nor loopback
    #[arg(long, env = "INSECURE_HTTP", value_name = "true|false", global = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub insecure_http: Option<String>,
}

impl Options {
    /// An empty value counts as none, as compose files write it.
    fn with_defaults(mut self) -> Self {
        let defaults = [
            (&mut self.bind, "127.0.0.1:8080"),
            (&mut self.signup, "closed"),
            (&mut self.retention_days, "90"),
            (&mut self.max_body_bytes, "1048576"),
            (&mut self.log_format, "text"),
        ];
        for (value, default) in defaults {
            if value.is_empty() {
                value.push_str(default);
            }
        }
        if self.data_dir.is_empty() {
            self.data_dir = DEFAULT_DATA_DIR.into();
        }
        self
    }
}

/// Where a database of the program's own is, when nobody says where.
pub const DEFAULT_DATA_DIR: &str = "./data";

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Which database.
#[derive(Clone, Debug)]
pub enum Database {
    /// An existing server, by its address, which may contain a password.
    Existing(Secret),
    /// One of the program's own, below a directory.
    Embedded(PathBuf),
}

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub bind: SocketAddr,
    pub ingest_bind: Option<SocketAddr>,
    pub metrics_bind: Option<SocketAddr>,
    /// `None`: made of the bound address.
    pub public_url: Option<Url>,
    pub ingest_url: Option<Url>,
    pub database: Database,
    pub trusted_proxies: TrustedProxies,
    pub signup_open: bool,
    pub upgrade_url: Option<Url>,
    pub retention_days: u32,
    pub max_body_bytes: usize,
    pub log_format: LogFormat,
    /// The value of PATH, where server binaries are looked for.
    pub search_path: Option<OsString>,
    /// No flag sets these: they are right for everybody but a test that cannot wait.
    pub connections: ConnectionLimits,
}

/// What one listener gives its connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How long the head of a request may take, the first of a connection or a later one. As long as a body may.
    pub head_deadline: Duration,
    /// How long a connection may lie idle between two requests.
    pub keep_alive: Duration,
    /// How long the other side may take nothing of an answer.
    pub write_deadline: Duration,
    /// Connections at once. Fewer where the system lets the program open fewer files.
    pub max_connections: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head_deadline: Duration::from_secs(10),
            keep_alive: Duration::from_secs(5),
            write_deadline: Duration::from_secs(30),
            max_connections: 10_000,
        }
    }
}

/// Everything that is wrong, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongValues(Vec<String>);

impl fmt::Display for WrongValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// The largest body that fits a column and a request, in bytes.
const MAX_MAX_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// A hundred years.
const MAX_RETENTION_DAYS: u32 = 36_500;

impl Config {
    /// Checks everything and reports all that is wrong.
    pub fn check(options: Options) -> Result<Self, WrongValues> {
        let options = options.with_defaults();
        let mut problems = Problems(Vec::new());
        let bind = problems.take("--bind", "BIND", address(&options.bind));
        let ingest_bind = problems.take_some("--ingest-bind", "INGEST_BIND", options.ingest_bind.as_deref(), address);
        let metrics_bind =
            problems.take_some("--metrics-bind", "METRICS_BIND", options.metrics_bind.as_deref(), address);
        let insecure_http = problems
            .take_some("--insecure-http", "INSECURE_HTTP", options.insecure_http.as_deref(), switch)
            .unwrap_or(false);
        let public_url = problems.take_some("--public-url", "PUBLIC_URL", options.public_url.as_deref(), origin);
        if let Some(problem) = insecure(public_url.as_ref(), bind, insecure_http) {
            problems.add("--public-url", "PUBLIC_URL", problem);
        }
        let ingest_url = problems.take_some("--ingest-url", "INGEST_URL", options.ingest_url.as_deref(), web_url);
        let upgrade_url = problems.take_some("--upgrade-url", "UPGRADE_URL", options.upgrade_url.as_deref(), web_url);
        let database_url =
            problems.take_some("--database-url", "DATABASE_URL", options.database_url.as_deref(), database_url);
        let networks =
            problems.take_some("--trusted-proxies", "TRUSTED_PROXIES", options.trusted_proxies.as_deref(), networks);
        let signup_open =
            problems.take("--signup", "SIGNUP", one_of(&options.signup, [("closed", false), ("open", true)]));
        let days = number(&options.retention_days, 1, u64::from(MAX_RETENTION_DAYS));
        let retention_days = problems.take("--retention-days", "RETENTION_DAYS", days);
        let bytes = number(&options.max_body_bytes, 1, MAX_MAX_BODY_BYTES);
        let max_body_bytes = problems.take("--max-body-bytes", "MAX_BODY_BYTES", bytes);
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = problems.take("--log-format", "LOG_FORMAT", one_of(&options.log_format, formats));
        match (bind, signup_open, retention_days, max_body_bytes, log_format) {
            (Some(bind), Some(signup_open), Some(days), Some(bytes), Some(log_format)) if problems.0.is_empty() => {
                Ok(Self {
                    bind,
                    ingest_bind,
                    metrics_bind,
                    public_url,
                    ingest_url,
                    database: match database_url {
                        Some(url) => Database::Existing(url),
                        None => Database::Embedded(PathBuf::from(options.data_dir)),
                    },
                    trusted_proxies: TrustedProxies::new(networks.unwrap_or_default()),
                    signup_open,
                    upgrade_url,
                    retention_days: u32::try_from(days).unwrap_or(MAX_RETENTION_DAYS),
                    max_body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                    log_format,
                    search_path: std::env::var_os("PATH"),
                    connections: ConnectionLimits::default(),
                })
            }
            _ => Err(WrongValues(problems.0)),
        }
    }
}

impl Config {
    /// The origin of the pages, without a slash at its end; `bound` is where they are listened on.
    pub fn public_origin(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }

    /// Whether it says where people and senders find the program. Commands are seldom told, and `serve` is.
    pub fn names_addresses(&self) -> bool {
        self.public_url.is_some() || self.ingest_url.is_some()
    }

    /// The endpoint as users are shown it.
    pub fn endpoint(&self, bound: SocketAddr) -> String {
        match &self.ingest_url {
            Some(url) => url.to_string(),
            None => format!("{}/", self.public_origin(bound)),
        }
    }
}

/// Whether standard output is a terminal that wants colours (see no-color.org).
pub fn wants_colours() -> bool {
    use std::io::IsTerminal;
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    std::io::stdout().is_terminal() && !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The words that the program was called with, after its own name.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1)
}

/// The log filter of `RUST_LOG`, or `usual`.
pub fn log_filter(usual: &str) -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| usual.to_owned())
}

/// The problems found so far.
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, flag: &str, variable: &str, problem: String) {
        self.0.push(format!("{flag} ({variable}) {problem}"));
    }

    fn take<T>(&mut self, flag: &str, variable: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|problem| self.add(flag, variable, problem)).ok()
    }

    /// An option that may be missing; an empty one counts as missing, as compose files write it.
    fn take_some<T>(
        &mut self,
        flag: &str,
        variable: &str,
        value: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = value.filter(|text| !text.is_empty())?;
        self.take(flag, variable, read(value))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("is {text:?}, which is no address and port: write it like 127.0.0.1:8080");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    // Host names, such as localhost, are looked up once.
    text.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(wrong)
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|e| format!("is {text:?}, which is no URL ({e}): write it like https://example.com/"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("is {text:?}: it has to start with https:// or http:// and name a host"));
    }
    Ok(url)
}

fn origin(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("is {text:?}: it has to be an origin alone, such as https://example.com, without a path"));
    }
    Ok(url)
}

/// What is wrong with serving pages, and so passwords, over plain HTTP.
fn insecure(public_url: Option<&Url>, bind: Option<SocketAddr>, allowed: bool) -> Option<String> {
    if allowed {
        return None;
    }
    let remedy = "set it to the https:// address that people use, or add --insecure-http (INSECURE_HTTP=true) if you \
                  know that nobody listens in between";
    match (public_url, bind) {
        (Some(url), _) if url.scheme() == "https" || is_loopback(url) => None,
        (Some(url), _) => Some(format!("is {:?}, which is neither https nor loopback: {remedy}", url.as_str())),
        (None, Some(bind)) if !bind.ip().is_loopback() => {
            Some(format!("is missing while --bind (BIND) {bind} is not loopback: {remedy}"))
        }
        (None, _) => None,
    }
}

/// Whether an address can only mean this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

fn database_url(text: &str) -> Result<Secret, String> {
    // The text itself is not repeated: it may contain a password.
    let config = tokio_postgres::Config::from_str(text).map_err(|e| {
        format!("is no Postgres address ({e}): write it like postgresql://user:password@host:5432/name")
    })?;
    if config.get_hosts().is_empty() {
        return Err("names no host: write it like postgresql://user:password@host:5432/name".to_owned());
    }
    Ok(Secret::new(text.to_owned()))
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let part = part.trim();
        part.parse::<IpNet>()
            .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| format!("has {part:?}, which is no network: write them like 10.0.0.0/8,fd00::/8"))
    };
    text.split(',').map(network).collect()
}

fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("is {text:?}: it has to be a whole number from {least} to {most}")),
    }
}

fn one_of<T, const N: usize>(text: &str, choices: [(&str, T); N]) -> Result<T, String> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let wrong = format!("is {text:?}: it has to be {}", words.join(" or "));
    choices.into_iter().find(|(word, _)| *word == text).map(|(_, value)| value).ok_or(wrong)
}

fn switch(text: &str) -> Result<bool, String> {
    one_of(text, [("true", true), ("false", false), ("1", true), ("0", false), ("on", true), ("off", false)])
}

#[cfg(test)]
mod tests {
    use super::{Config, Database, Options};

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
            database_url: Some("mysql://user:canary@host/db".to_owned()),
            data_dir: "".into(),
            trusted_proxies: Some("10.0.0.0/8,banana".to_owned()),
            signup: "maybe".to_owned(),
            upgrade_url: Some("upgrade".to_owned()),
            retention_days: "0".to_owned(),
            max_body_bytes: "1 MB".to_owned(),
            log_format: "xml".to_owned(),
            insecure_http: Some("perhaps".to_owned()),
        };
        let report = Config::check(wrong).unwrap_err().to_string();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines.len(), 13, "{report}");
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
    fn empty_variables_count_as_unset() {
        let empty = Options { database_url: Some(String::new()), ingest_bind: Some(String::new()), ..options() };
        let config = Config::check(empty).unwrap();
        assert!(matches!(config.database, Database::Embedded(_)) && config.ingest_bind.is_none());
    }
}
