//! The program: reads what it is told, and runs the command.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use reasoner_webhooks::cli::args::{Args, Command};
use reasoner_webhooks::cli::ended::Ended;
use reasoner_webhooks::cli::failure::CommandError;
use reasoner_webhooks::cli::{run, usage};
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::environment::{arguments, log_filter};
use reasoner_webhooks::database::OpenDatabase;
use reasoner_webhooks::logging::log;
use reasoner_webhooks::server::serve;
use tokio::signal::unix::{SignalKind, signal};

/// A wrong option; nothing was opened.
const EXIT_WRONG_OPTION: u8 = 2;
/// No PostgreSQL server on this machine.
const EXIT_NO_SERVER: u8 = 3;
/// `credential check` found passwords of this installation.
const EXIT_FOUND_LEAKS: u8 = 4;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(wrong) if wrong.use_stderr() => {
            eprintln!("{}", usage::sentence(&Args::command(), &wrong, arguments()));
            return ExitCode::from(EXIT_WRONG_OPTION);
        }
        Err(help) => help.exit(),
    };
    if let Some(sentence) = usage::unsuitable(&Args::command(), &args, arguments()) {
        eprintln!("{sentence}");
        return ExitCode::from(EXIT_WRONG_OPTION);
    }
    let config = match Config::check(args.options) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(EXIT_WRONG_OPTION);
        }
    };
    let command = args.command.unwrap_or(Command::Serve);
    // A command says what went wrong in one line of its own; its log would only get in between.
    let usual = if matches!(command, Command::Serve) {
        "info,actix_server=warn,actix_session=error,actix_http=off,tokio_postgres=warn"
    } else {
        "off"
    };
    let format = config.log_format;
    let _log = log::begin(format, &log_filter(usual));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log::last_words(format, &format!("the program cannot start its threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run_command(command, config)) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::FoundProblems) => ExitCode::FAILURE,
        Ok(Ended::FoundLeaks) => ExitCode::from(EXIT_FOUND_LEAKS),
        // Nobody asked for more, so there is nothing to say; but not all was printed either.
        Err(error) if error.is_reader_gone() => ExitCode::FAILURE,
        Err(error) => {
            log::last_words(format, &error.line());
            let missing_server = matches!(&error, CommandError::Open(open) if open.is_missing_server());
            if missing_server { ExitCode::from(EXIT_NO_SERVER) } else { ExitCode::FAILURE }
        }
    }
}

async fn run_command(command: Command, config: Config) -> Result<Ended, CommandError> {
    // From here on a signal asks instead of killing: a database server that is being started must not be left behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut asked_to_end = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    if !matches!(command, Command::Serve) {
        return run::run(command, &config, asked_to_end()).await;
    }
    let database = OpenDatabase::open(&config).await?;
    let served = serve::serve(&config, &database, asked_to_end).await;
    database.close().await;
    served.map(|()| Ended::Well).map_err(CommandError::refused)
}
