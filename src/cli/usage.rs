//! What is wrong with a command line that clap does not take: one sentence that says what was found, what is allowed, and where
//! the help for it is.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::cli::args::{Account, Args};

/// The sentence for what clap refused; `arguments` are those of the program, without its own name.
pub fn sentence(program: &Command, refused: &Error, arguments: impl IntoIterator<Item = OsString>) -> String {
    let (path, command) = command_of(program, arguments);
    format!("{}; see `{path} --help`", problem(command, refused))
}

/// The sentence for what clap takes and cannot be: an account that nobody named, or that is named twice; and what the API cannot do.
pub fn unsuitable(program: &Command, args: &Args, arguments: impl IntoIterator<Item = OsString>) -> Option<String> {
    let has_server = args.options.server.as_deref().is_some_and(|server| !server.is_empty());
    let account = args.command.as_ref().map(crate::cli::args::Command::account);
    let problem = match (account, has_server) {
        (Some(Some(Account::Named(None))), false) => "EMAIL is missing",
        (Some(Some(Account::OfTheToken)), false) => "--server is missing, since this follows events over the API",
        (Some(Some(Account::Named(Some(_)))), true) => {
            "EMAIL is one argument too many with --server (SERVER), whose API token says which account is meant"
        }
        (None | Some(None), true) => {
            "this cannot be done over the API: leave --server (SERVER) out, and run it where the database is"
        }
        _ => return None,
    };
    Some(format!("{problem}; see `{} --help`", command_of(program, arguments).0))
}

/// The command that was meant, as it is typed, and what clap knows of it. Words that are no commands are values and options.
fn command_of(program: &Command, arguments: impl IntoIterator<Item = OsString>) -> (String, &Command) {
    let mut path = program.get_name().to_owned();
    let mut command = program;
    for word in arguments {
        if let Some(next) = command.find_subcommand(&word) {
            path = format!("{path} {}", next.get_name());
            command = next;
        }
    }
    (path, command)
}

fn problem(command: &Command, refused: &Error) -> String {
    // An option as `--limit <LIMIT>` and an argument as `<PLAN>`: the first word is its name.
    let named = texts(refused, ContextKind::InvalidArg);
    let name = named.first().map(|arg| name_of(arg)).unwrap_or_default();
    let value = texts(refused, ContextKind::InvalidValue).pop().unwrap_or_default();
    let allowed = any_of(&texts(refused, ContextKind::ValidValue));
    match refused.kind() {
        ErrorKind::InvalidValue if value.is_empty() => {
            let what = named.first().and_then(|arg| arg.split_once(' ')).map(|(_, what)| name_of(what));
            let what = if allowed.is_empty() { what.unwrap_or_default() } else { &allowed };
            format!("{name} needs a value: {what}")
        }
        ErrorKind::InvalidValue => format!("{name} is {value:?}: it has to be {allowed}"),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(refused).map(ToString::to_string).unwrap_or_default();
            format!("{name} is {value:?}: {why}")
        }
        ErrorKind::UnknownArgument => match texts(refused, ContextKind::InvalidArg).pop() {
            Some(flag) if flag.starts_with('-') => {
                let similar = texts(refused, ContextKind::SuggestedArg).pop();
                let similar = similar.map(|other| format!(", but there is {other}")).unwrap_or_default();
                format!("there is no option {flag:?}{similar}")
            }
            extra => format!("{:?} is one argument too many", extra.unwrap_or_default()),
        },
        ErrorKind::InvalidSubcommand => {
            let unknown = texts(refused, ContextKind::InvalidSubcommand).pop().unwrap_or_default();
            format!("there is no command {unknown:?}: it has to be {}", commands(command))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            format!("`{}` needs a command: {}", command.get_name(), commands(command))
        }
        ErrorKind::MissingRequiredArgument => {
            let names: Vec<&str> = named.iter().map(|arg| name_of(arg)).collect();
            format!("{} {} missing", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
        }
        ErrorKind::ArgumentConflict => match texts(refused, ContextKind::PriorArg).pop() {
            Some(other) if name_of(&other) != name => format!("{name} and {} exclude each other", name_of(&other)),
            _ => format!("{name} is given twice"),
        },
        ErrorKind::TooManyValues => format!("{name} takes no value, and has {value:?}"),
        ErrorKind::NoEquals => format!("{name} takes its value after an equals sign, as in {name}=VALUE"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        // Nothing that is declared here can be refused for another reason; clap's own first line will do.
        _ => refused.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// What clap says of one side of a refusal.
fn texts(refused: &Error, kind: ContextKind) -> Vec<String> {
    match refused.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// `--limit` of `--limit <LIMIT>`, and `PLAN` of `<PLAN>`.
fn name_of(argument: &str) -> &str {
    argument.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']'])
}

/// The commands that stand below one, but for those that are for programs.
fn commands(command: &Command) -> String {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    any_of(&shown.map(|command| command.get_name().to_owned()).collect::<Vec<_>>())
}

/// `now, 1h, 24h or 7d`
fn any_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{CommandFactory, Parser};

    use super::{sentence, unsuitable};
    use crate::cli::args::Args;

    fn input(line: &str) -> String {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        match Args::try_parse_from([OsString::from("reasoner-webhooks")].iter().chain(&words)) {
            Err(refused) => sentence(&Args::command(), &refused, words),
            Ok(args) => unsuitable(&Args::command(), &args, words).unwrap(),
        }
    }

    #[test]
    fn each_refusal_is_one_sentence_with_what_is_allowed_and_where_help_is() {
        for (line, expected) in [
            ("account plan a@b.c gold", "PLAN is \"gold\": it has to be pro or free; see `account plan`"),
            ("account create --plan", "--plan needs a value: pro or free; see `account create`"),
            (
                "credential rotate rw_7f3kq2m9 --overlap 2h",
                "--overlap is \"2h\": it has to be now, 1h, 24h or 7d; see `credential rotate`",
            ),
            (
                "events export a@b.c --format xml",
                "--format is \"xml\": it has to be ndjson or csv; see `events export`",
            ),
            ("events list a@b.c --limit abc", "--limit is \"abc\": it has to be a whole number; see `events list`"),
            ("events list a@b.c --limit -1", "--limit is \"-1\": it has to be a whole number; see `events list`"),
            ("events list", "EMAIL is missing; see `events list`"),
            ("events body", "ID is missing; see `events body`"),
            ("events body 019ab000", "EMAIL is missing; see `events body`"),
            ("credential create Till", "EMAIL is missing; see `credential create`"),
            ("events listen", "--server is missing, since this follows events over the API; see `events listen`"),
            (
                "--server https://a.b events list a@b.c",
                "EMAIL is one argument too many with --server (SERVER), whose API token says which account is meant; see `events list`",
            ),
            (
                "account list --server https://a.b",
                "this cannot be done over the API: leave --server (SERVER) out, and run it where the database is; see `account list`",
            ),
            ("events list a@b.c d@e.f", "\"d@e.f\" is one argument too many; see `events list`"),
            ("events list a@b.c --json=yes", "--json takes no value, and has \"yes\"; see `events list`"),
            ("doctor --json --ready", "--json and --ready exclude each other; see `doctor`"),
            ("--bind 1.2.3.4:5 --bind 1.2.3.4:5", "--bind is given twice; see ``"),
            ("--bind", "--bind needs a value: ADDRESS:PORT; see ``"),
            ("serve --nonsense", "there is no option \"--nonsense\"; see `serve`"),
            ("serve --bnd 1.2.3.4:5", "there is no option \"--bnd\", but there is --bind; see `serve`"),
            (
                "account",
                "`account` needs a command: create, list, plan, password, sign-in-link, remove-second-factor, retention, limits or delete; see `account`",
            ),
            (
                "frob",
                "there is no command \"frob\": it has to be serve, migrate, doctor, account, credential, token, events, mail or keys; see ``",
            ),
            (
                "events frob",
                "there is no command \"frob\": it has to be list, tail, listen, body or export; see `events`",
            ),
        ] {
            let (expected, command) = expected.split_once("; see `").unwrap();
            let command = format!("reasoner-webhooks {}", command.trim_end_matches('`'));
            assert_eq!(input(line), format!("{expected}; see `{} --help`", command.trim()), "{line}");
        }
    }
}
