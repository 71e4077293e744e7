//! The commands as clap reads them and `--help` explains them.

use clap::{Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::cli::account_limits::SetAccountLimits;
use crate::config::options::Options;

/// Receive JSON over HTTP with Basic authentication, keep it in Postgres, see it live.
#[derive(Debug, Parser)]
#[command(name = "reasoner-webhooks", version, max_term_width = 100)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum Command {
    /// Migrate the database, then serve pages and ingest (also without a command)
    Serve,
    /// Apply pending migrations and exit
    Migrate,
    /// Check everything that durability depends on: one line each, exit code 1 if any fails
    ///
    /// A hint is not a failure, but worth reading.
    Doctor {
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
        /// Only ask the program that serves at --bind whether it is ready, as the health check of a container does
        #[arg(long, conflicts_with = "json")]
        ready: bool,
    },
    /// Accounts and their users
    #[command(subcommand)]
    Account(AccountCommand),
    /// Credentials that senders use
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// API tokens, with which programs read and change an account
    #[command(subcommand)]
    Token(TokenCommand),
    /// Events that were received
    #[command(subcommand)]
    Events(EventsCommand),
    /// Mail to users
    #[command(subcommand)]
    Mail(MailCommand),
    /// Keys under which secrets are encrypted
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Print the manual page or the completions of a shell, for `make install`
    #[command(hide = true)]
    Generate {
        #[arg(value_enum)]
        what: Generated,
    },
}

impl Command {
    /// Whose account it is about, where that is said by its user's e-mail address or by an API token; `None` for what the API cannot do.
    pub(crate) fn account(&self) -> Option<Account<'_>> {
        use CredentialCommand as Credential;
        use EventsCommand as Events;
        Some(match self {
            Self::Credential(Credential::Create { email, .. } | Credential::List { email, .. })
            | Self::Events(
                Events::List { email, .. }
                | Events::Tail { email, .. }
                | Events::Body { email, .. }
                | Events::Export { email, .. },
            ) => Account::Named(email.as_deref()),
            Self::Credential(
                Credential::Rotate { .. }
                | Credential::Revoke { .. }
                | Credential::Disable { .. }
                | Credential::Enable { .. }
                | Credential::Set { .. },
            ) => Account::OfTheCredential,
            Self::Events(Events::Listen { .. }) => Account::OfTheToken,
            _ => return None,
        })
    }
}

/// How a command that the API can do says whose account it is about.
pub(crate) enum Account<'a> {
    /// By the e-mail address of its user; over the API, by the token.
    Named(Option<&'a str>),
    OfTheCredential,
    /// It is for the API alone.
    OfTheToken,
}

/// The arguments of `token create`.
#[derive(Debug, clap::Args)]
pub struct CreateToken {
    /// The e-mail address of the account's user, in whose name it acts
    pub(crate) email: String,
    /// Its name, such as "Nightly export"
    pub(crate) name: String,
    /// Its scopes, such as events:read,audit:read
    #[arg(long, alias = "scope", required = true, value_delimiter = ',', value_name = "SCOPE,…")]
    pub(crate) scopes: Vec<String>,
    /// How long it works: up to 400 days, such as 30d; or never, which means until it is revoked
    #[arg(long, default_value = "90d", value_name = "DAYS|never")]
    pub(crate) expires: String,
    /// The username of a credential that it may see; may be given several times; without it, all
    #[arg(long, value_name = "USERNAME")]
    pub(crate) credential: Vec<String>,
    /// The networks that it may be used from, such as 203.0.113.0/24,2001:db8::/32
    #[arg(long, value_name = "CIDR,…")]
    pub(crate) networks: Option<String>,
    /// Print JSON and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum TokenCommand {
    /// Create an API token; it is printed once
    Create(CreateToken),
    /// List the API tokens of an account that are not revoked
    List {
        /// The e-mail address of the account's user
        email: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API token, from the next request on and for good
    Revoke {
        /// The id of the token, as the list prints it
        id: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum MailCommand {
    /// Send a mail to an address, to see whether it arrives
    Test {
        /// Where it goes
        address: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// List the mails to users of the last 8 days, newest first: where to, what became of each, and the last error
    List {
        /// At most so many
        #[arg(long, allow_negative_numbers = true, default_value = "50", value_parser = whole_number)]
        limit: usize,
        /// Only those older than the one with this id, as the list prints it
        #[arg(long, value_name = "ID")]
        before: Option<Uuid>,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum KeysCommand {
    /// Re-encrypt all secrets under a new key while programs run, and delete the old key
    ///
    /// Where there is an installation key from outside of the database, the new key is encrypted under it, and so is the key of
    /// sessions: from then on a dump alone opens nothing. A rotation that was interrupted is gone on with by the next one.
    Rotate {
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum Generated {
    Man,
    Bash,
    Zsh,
    Fish,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum PlanArg {
    Pro,
    Free,
}

/// The arguments of `account create`.
#[derive(Debug, clap::Args)]
pub struct CreateAccount {
    /// The e-mail address of the account's user
    pub(crate) email: String,
    /// The account's name; without it, the part of the address before the @
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Webhooks are part of pro
    #[arg(long, value_enum, default_value = "pro")]
    pub(crate) plan: PlanArg,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Print JSON and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum AccountCommand {
    /// Create an account and its first user; a password is generated and printed once, unless one is given
    Create(CreateAccount),
    /// List all accounts, oldest first
    List {
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Change the plan of an account
    Plan {
        /// The e-mail address of the account's user
        email: String,
        /// The plan it is on from now
        #[arg(value_enum)]
        plan: PlanArg,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end all sessions; generated and printed once, unless one is given, with a sign-in link
    Password {
        /// The e-mail address of the account's user
        email: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print a link that signs somebody in once, within 15 minutes, for somebody who is kept out by guesses
    SignInLink {
        /// The e-mail address of the account's user
        email: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Turn two-step sign-in off for somebody who has lost the phone and the recovery codes; ends all sessions
    RemoveSecondFactor {
        /// The e-mail address of the account's user
        email: String,
        /// Do it; without this, only say what would be done
        #[arg(long)]
        yes: bool,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Keep the events of an account shorter than the installation does
    Retention {
        /// The e-mail address of the account's user
        email: String,
        /// A number of days, or default: as long as the installation keeps them
        days: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print the limits of an account, or set some
    Limits(SetAccountLimits),
    /// Delete an account for good, with its credentials and all that it received
    Delete {
        /// The e-mail address of the account's user
        email: String,
        /// Do it; without this, only say what would be deleted
        #[arg(long)]
        yes: bool,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum CredentialCommand {
    /// Create a credential and print its username and password, once
    #[command(allow_missing_positional = true)]
    Create {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        /// Its name, such as the system that sends
        name: String,
        /// When its password ends: 30d, 60d, 90d, never, or a date such as 2027-06-30
        #[arg(long, default_value = "never")]
        expires: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// List the credentials of an account with the state of their passwords
    List {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print a new password, once, and let the old one work for a while
    Rotate {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// How long the old password keeps working
        #[arg(long, default_value = "24h", value_parser = ["now", "1h", "24h", "7d"])]
        overlap: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Let the old password of a rotation work for as long again, once
    Extend {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// End every password of a credential at once, for good
    Revoke {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Say which passwords and tokens of this installation are in a text, read from standard input
    ///
    /// For logs, dumps and repositories in which a password may have leaked. Each password is listed once, with the first line it
    /// is in, its hint and whether it still works (live, disabled, expired, revoked, unknown), and never printed itself. Any size
    /// and any bytes will do; HTTP Basic in base64 is looked into as well. Exit code 0 when nothing was found, 4 when something was.
    Check {
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Refuse a credential's senders until it is enabled again
    Disable {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Accept a disabled credential's senders again
    Enable {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Show or change what a credential accepts beyond the default
    ///
    /// Without an option it prints the settings as they are.
    Set {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        #[command(flatten)]
        settings: SettingsArgs,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print a token address, once: for a sender that can set neither a header nor a username and password
    ///
    /// The token address before stops at once. It is weaker than a password, since proxies and logs keep addresses.
    Address {
        /// The username of the credential, such as rw_7f3kq2m9
        username: String,
        /// End the token address, and make none
        #[arg(long)]
        revoke: bool,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "`--help` prints what is documented here")]
pub enum EventsCommand {
    /// List events, newest first
    List {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        /// At most so many
        #[arg(long, allow_negative_numbers = true, default_value = "50", value_parser = whole_number)]
        limit: usize,
        #[command(flatten)]
        which: FilterArgs,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print new events as they are stored, one line each, until Ctrl-C
    Tail {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        /// Only those of one credential
        #[arg(long, value_name = "USERNAME")]
        credential: Option<String>,
        /// Only those whose body contains a text, in any case, or meets conditions such as 'data.quantity > 20'
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// Print one JSON object a line and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Deliver what is stored from now on to a program on this machine, or print it, over the API
    ///
    /// Without --forward it prints a JSON object a line. With it, each event is posted as it was sent, one after the other, and again
    /// until the answer is a success (2xx). Ctrl-C ends it after the event in hand. With --consumer, what is stored while it does not
    /// run follows when it runs again.
    Listen {
        /// A consumer of this name, which knows what was delivered; made where there is none
        #[arg(long, value_name = "NAME")]
        consumer: Option<String>,
        /// Where events are posted to, such as http://localhost:3000/hook
        #[arg(long, value_name = "URL")]
        forward: Option<String>,
        /// Let --forward be on another machine
        #[arg(long, requires = "forward")]
        allow_remote: bool,
        /// Only those of one credential
        #[arg(long, value_name = "USERNAME")]
        credential: Option<String>,
        /// Only those whose body contains a text, in any case, or meets conditions such as 'data.quantity > 20'
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// With --forward, print one JSON object a line for each that was delivered
        #[arg(long)]
        json: bool,
    },
    /// Print the body of an event, byte for byte as received, with nothing added
    #[command(allow_missing_positional = true)]
    Body {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        /// The id of the event, as the list prints it
        id: String,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Write all events that are stored now, oldest first, or those that a filter names
    ///
    /// In NDJSON a body is its JSON value, spelled as it was sent, without line breaks and what stood around it. In CSV it is the text
    /// that was sent, after an apostrophe where a spreadsheet could take it for a formula. For the exact bytes of one event: events body.
    Export {
        /// The e-mail address of the account's user; not with --server, whose API token says which account is meant
        email: Option<String>,
        #[command(flatten)]
        which: FilterArgs,
        /// How events are written
        #[arg(long, default_value = "ndjson", default_value_if("fields", clap::builder::ArgPredicate::IsPresent, "csv"), value_parser = ["ndjson", "csv"])]
        format: String,
        /// Fields of the bodies that become columns of a CSV, such as data.product_id,data.quantity; implies it
        #[arg(long, value_name = "FIELDS")]
        fields: Option<String>,
        /// Begin a CSV with a byte-order mark, as Excel wants it
        #[arg(long)]
        bom: bool,
        /// Say on standard error how far it is, also where that is no terminal
        #[arg(long)]
        progress: bool,
        /// Print JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

fn whole_number(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "it has to be a whole number")
}

/// Which events.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// Only those of one credential
    #[arg(long, value_name = "USERNAME")]
    pub(crate) credential: Option<String>,
    /// Only those whose body contains a text, in any case, or meets conditions such as 'data.quantity > 20'
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// Only those received since: an age (24h, 7d), a date, or a time
    #[arg(long, value_name = "T")]
    pub(crate) since: Option<String>,
    /// Only those received before
    #[arg(long, value_name = "T")]
    pub(crate) until: Option<String>,
}

/// What a credential is to accept; what is not given stays as it is.
#[derive(Debug, clap::Args)]
pub struct SettingsArgs {
    /// Accept JSON under any Content-Type but multipart and XML, and `payload=` in a form
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pub(crate) any_content_type: Option<bool>,
    /// Accept bodies in gzip, zstd or deflate
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pub(crate) gzip: Option<bool>,
    /// Accept JSON lines, or a list, as an event each
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pub(crate) batches: Option<bool>,
    /// Store an event once by the value of a header, such as X-GitHub-Delivery
    #[arg(long, value_name = "NAME|none")]
    pub(crate) dedupe_header: Option<String>,
    /// Accept events from these networks only, such as 203.0.113.0/24,2001:db8::/32
    #[arg(long, value_name = "CIDR,…|any")]
    pub(crate) networks: Option<String>,
    /// Accept PUT as POST
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pub(crate) put: Option<bool>,
}

fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("say on or off"),
    }
}
