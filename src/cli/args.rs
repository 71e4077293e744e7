//! The commands as clap reads them and `--help` explains them.

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::Options;

/// Receive JSON over HTTP with Basic authentication, keep it in Postgres, see it live.
#[derive(Debug, Parser)]
#[command(name = "reasoner-webhooks", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Migrate the database, then serve pages and ingest (also without a command)
    Serve,
    /// Apply pending migrations and exit
    Migrate,
    /// Check what durability depends on: a line each, exit code 1 if any fails
    Doctor,
    /// Accounts and their users
    #[command(subcommand)]
    Account(AccountCommand),
    /// Credentials that senders use
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// What was received
    #[command(subcommand)]
    Events(EventsCommand),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PlanArg {
    Pro,
    Free,
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account and its first user; a password is generated and printed once, unless one is given
    Create {
        email: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long, value_enum, default_value = "pro")]
        plan: PlanArg,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[arg(long)]
        json: bool,
    },
    /// List all accounts, oldest first
    List {
        #[arg(long)]
        json: bool,
    },
    /// Change the plan of an account
    Plan {
        email: String,
        #[arg(value_enum)]
        plan: PlanArg,
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end all sessions; generated and printed once, unless one is given
    Password {
        email: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// Create a credential and print its username and password, once
    Create {
        email: String,
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// List the credentials of an account with the state of their passwords
    List {
        email: String,
        #[arg(long)]
        json: bool,
    },
    /// Print a new password, once, and let the old one work for a while
    Rotate {
        username: String,
        /// How long the old password keeps working
        #[arg(long, default_value = "24h", value_parser = ["now", "1h", "24h", "7d"])]
        overlap: String,
        #[arg(long)]
        json: bool,
    },
    /// End every password of a credential at once, for good
    Revoke {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// Refuse a credential's senders until it is enabled again
    Disable {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// Accept a disabled credential's senders again
    Enable {
        username: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// List events, newest first
    List {
        email: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those of one credential
        #[arg(long, value_name = "USERNAME")]
        credential: Option<String>,
        /// Only those whose body contains a text, in any case
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// Only those received since: an age (24h, 7d), a date, or a time
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// Only those received before
        #[arg(long, value_name = "T")]
        until: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Print the body of an event, byte for byte as received, with nothing added
    Body {
        email: String,
        id: String,
        #[arg(long)]
        json: bool,
    },
    /// Write all events, oldest first
    Export {
        email: String,
        #[arg(long, default_value = "ndjson", value_parser = ["ndjson", "csv"])]
        format: String,
        #[arg(long)]
        json: bool,
    },
}
