//! The flags and environment variables, as texts.

use std::ffi::OsString;

use clap::Args;

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
    /// Further host names that pages and metrics answer to, comma-separated
    #[arg(long, env = "HOST_NAMES", value_name = "NAME,...", global = true)]
    pub host_names: Option<String>,
    /// An existing Postgres, 14 or newer [default: a PostgreSQL of the program's own]
    #[arg(long, env = "DATABASE_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// The same Postgres for a role that may change its schema, where DATABASE_URL's may not
    #[arg(long, env = "DATABASE_OWNER_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub database_owner_url: Option<String>,
    /// The most connections for pages and commands; those that store events come on top
    #[arg(
        long,
        env = "DATABASE_CONNECTIONS",
        allow_negative_numbers = true,
        value_name = "NUMBER",
        global = true,
        default_value = "12"
    )]
    pub database_connections: String,
    /// Answer 200 only where a synchronous standby has the event, too
    #[arg(long, env = "REQUIRE_SYNC_STANDBY", value_name = "true|false", global = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub require_sync_standby: Option<String>,
    /// Where the program's own PostgreSQL lives
    #[arg(long, env = "DATA_DIR", value_name = "DIR", global = true, default_value = DEFAULT_DATA_DIR)]
    pub data_dir: OsString,
    /// A file with the key that keys in the database are encrypted under; further lines: keys of before
    #[arg(long, env = "INSTALLATION_KEY_FILE", value_name = "FILE", global = true)]
    pub installation_key_file: Option<String>,
    /// Networks of proxies whose forwarding headers are believed, comma-separated, read from the right
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "CIDR,...", global = true)]
    pub trusted_proxies: Option<String>,
    /// `open` lets visitors create Free accounts
    #[arg(long, env = "SIGNUP", value_name = "open|closed", global = true, default_value = "closed")]
    pub signup: String,
    /// Whether everybody who signs in has to turn two-step sign-in on first
    #[arg(long, env = "REQUIRE_SECOND_FACTOR", value_name = "true|false", global = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub require_second_factor: Option<String>,
    /// The server that mail is handed to, with STARTTLS, or smtps:// [default: no mail is sent]
    #[arg(long, env = "SMTP_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Whom mail comes from
    #[arg(long, env = "MAIL_FROM", value_name = "ADDRESS", global = true)]
    pub mail_from: Option<String>,
    /// Whether an smtp:// server is spoken to without TLS [default: only on this machine]
    #[arg(long, env = "SMTP_PLAIN", value_name = "true|false", global = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub smtp_plain: Option<String>,
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
    /// How long an idle connection stays open; told in `Keep-Alive: timeout=`
    #[arg(
        long,
        env = "KEEP_ALIVE",
        allow_negative_numbers = true,
        value_name = "TIME",
        global = true,
        default_value = "75s"
    )]
    pub keep_alive: String,
    /// How long a program that is asked to end goes on answering, not ready, until load balancers have seen it
    #[arg(
        long,
        env = "DRAIN_SECONDS",
        allow_negative_numbers = true,
        value_name = "NUMBER",
        global = true,
        default_value = "0"
    )]
    pub drain_seconds: String,
    /// How the log is written: text or json
    #[arg(long, env = "LOG_FORMAT", value_name = "text|json", global = true, default_value = "text")]
    pub log_format: String,
    /// Allow a public URL that is neither https nor loopback
    #[arg(long, env = "INSECURE_HTTP", value_name = "true|false", global = true,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub insecure_http: Option<String>,
    /// The address of a server whose API the command speaks to, in place of the database
    #[arg(long, env = "SERVER", value_name = "URL", global = true)]
    pub server: Option<String>,
    /// A file with the API token for --server; - reads it from standard input
    #[arg(long, env = "TOKEN_FILE", value_name = "FILE", global = true)]
    pub token_file: Option<String>,
}

impl Options {
    /// An empty value counts as none, as compose files write it.
    pub fn with_defaults(mut self) -> Self {
        let defaults = [
            (&mut self.bind, "127.0.0.1:8080"),
            (&mut self.signup, "closed"),
            (&mut self.retention_days, "90"),
            (&mut self.max_body_bytes, "1048576"),
            (&mut self.database_connections, "12"),
            (&mut self.keep_alive, "75s"),
            (&mut self.drain_seconds, "0"),
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
pub(crate) const DEFAULT_DATA_DIR: &str = "./data";
