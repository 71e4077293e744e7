//! `generate`: the manual page and the completions for shells, made of the same description of the command line as `--help`.
//! `make install` puts them where they belong.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::args::{Args, Generated};

const NAME: &str = "reasoner-webhooks";

/// The text of what is asked for.
pub(crate) fn generate(what: Generated) -> String {
    let shell = match what {
        Generated::Man => return manual(),
        Generated::Bash => Shell::Bash,
        Generated::Zsh => Shell::Zsh,
        Generated::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// One page, with all commands in it.
fn manual() -> String {
    let mut command = Args::command();
    command.build();
    let man =
        Man::new(command.clone()).source(format!("{NAME} {}", env!("CARGO_PKG_VERSION"))).manual("Reasoner Webhooks");
    let (mut title, mut name, mut options) = (Vec::new(), Vec::new(), Vec::new());
    // Writing to memory does not fail.
    let _ = man.render_title(&mut title);
    let _ = man.render_name_section(&mut name);
    let _ = man.render_options_section(&mut options);
    let mut rest = Roff::new();
    rest.control("SH", ["SYNOPSIS"]);
    rest.text([bold(NAME), roman(" ["), italic("OPTIONS"), roman("] ["), italic("COMMAND"), roman("]")]);
    rest.control("SH", ["COMMANDS"]);
    for group in command.get_subcommands().filter(|command| is_for_people(command)) {
        let leaves: Vec<&Command> = group.get_subcommands().filter(|leaf| is_for_people(leaf)).collect();
        if leaves.is_empty() {
            describe(&mut rest, group, group.get_name());
        }
        for leaf in leaves {
            describe(&mut rest, leaf, &format!("{} {}", group.get_name(), leaf.get_name()));
        }
    }
    rest.control("SH", ["ENVIRONMENT"]);
    let words = "Every option of every command is also read from the environment variable that stands with it. A flag comes first; an \
                 empty variable counts as none. NO_COLOR takes the colours off the start-up card. RUST_LOG chooses what the log says, \
                 such as info or debug. INSTALLATION_KEY may have the key itself in place of its file, and TOKEN the API token.";
    rest.text([roman(words)]);
    rest.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "Done."),
        ("1", "Failed, with one line on standard error; or doctor found something that fails."),
        ("2", "Wrong options; nothing was opened."),
        ("3", "There is no PostgreSQL server on this machine, and none was named."),
        ("4", "credential check found passwords of this installation."),
    ] {
        rest.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
    rest.control("SH", ["FILES"]);
    rest.control("TP", []).text([italic("./data")]);
    rest.text([roman("The program's own PostgreSQL, unless --data-dir or --database-url says otherwise.")]);
    for place in ["/var/lib/reasoner-webhooks/known-clusters", "~/.local/state/reasoner-webhooks/known-clusters"] {
        rest.control("TP", []).text([italic(place)]);
    }
    rest.text([roman(
        "Where there was a database, so that none is made in place of one whose disk is not mounted. XDG_STATE_HOME, if it is set, \
         stands for ~/.local/state.",
    )]);
    rest.control("SH", ["SEE ALSO"]);
    rest.text([bold("pg_dump"), roman("(1), "), bold("curl"), roman("(1)")]);
    let body =
        [&*String::from_utf8_lossy(&name), &rest.render(), &String::from_utf8_lossy(&options)].map(body_of).concat();
    format!("{}{body}", String::from_utf8_lossy(&title))
}

fn is_for_people(command: &Command) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

/// A part without the lines that a page begins with, which it may have once.
fn body_of(part: &str) -> &str {
    part.get(part.find(".SH").unwrap_or_default()..).unwrap_or_default()
}

/// A command: how it is called, what it does, and each of its own arguments.
fn describe(page: &mut Roff, command: &Command, words: &str) {
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help"))
        .collect();
    let mut call = vec![bold(words)];
    for arg in &own {
        call.push(roman(" "));
        call.extend(spelled(arg, true));
    }
    page.control("TP", []).text(call);
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let mut paragraphs = about.split("\n\n");
    page.text([roman(sentence(paragraphs.next().unwrap_or_default()))]);
    for paragraph in paragraphs {
        page.control("IP", []).text([roman(sentence(&paragraph.replace('\n', " ")))]);
    }
    if own.is_empty() {
        return;
    }
    page.control("RS", []);
    for arg in own {
        page.control("TP", []).text(spelled(arg, false));
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let default = arg.get_default_values().first().filter(|_| arg.get_action().takes_values());
        let default = default.map(|value| format!(" [default: {}]", value.to_string_lossy()));
        page.text([roman(format!("{help}{}", default.unwrap_or_default()))]);
    }
    page.control("RE", []);
}

/// An argument as it is typed; in a call, what may be left out stands in brackets.
fn spelled(arg: &Arg, in_call: bool) -> Vec<Inline> {
    let choices: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let value = if choices.is_empty() || !arg.get_action().takes_values() {
        arg.get_value_names()
            .and_then(|names| names.first())
            .map_or_else(|| arg.get_id().to_string(), ToString::to_string)
    } else {
        choices.join("|")
    };
    let mut parts = match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => vec![bold(format!("--{long}")), roman(" "), italic(value)],
        Some(long) => vec![bold(format!("--{long}"))],
        None => vec![italic(value)],
    };
    if in_call && !arg.is_required_set() {
        parts.insert(0, roman("["));
        parts.push(roman("]"));
    }
    parts
}

fn sentence(words: &str) -> String {
    if words.ends_with('.') { words.to_owned() } else { format!("{words}.") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::generate;
    use crate::cli::args::{Args, Generated};

    #[test]
    fn the_manual_has_every_command_option_and_variable() {
        let manual = generate(Generated::Man).replace("\\-", "-").replace("\\*(Aq", "'");
        assert!(manual.starts_with(".ie \\n(.g"), "{manual}");
        let command = Args::command();
        for option in command.get_arguments().filter_map(|argument| argument.get_env().zip(argument.get_long())) {
            let (variable, flag) = (option.0.to_string_lossy().into_owned(), option.1);
            assert!(manual.contains(&format!("--{flag}")) && manual.contains(&variable), "{flag}");
        }
        for group in command.get_subcommands().filter(|group| !group.is_hide_set()) {
            for leaf in group.get_subcommands() {
                let call = format!("{} {}", group.get_name(), leaf.get_name());
                assert!(manual.contains(&call), "{call}");
                for argument in leaf.get_arguments().filter_map(clap::Arg::get_help) {
                    assert!(manual.contains(&argument.to_string()), "{call}: {argument}");
                }
            }
        }
        assert!(!manual.contains("generate man"), "what only `make install` uses is not for people");
        assert_eq!(manual.matches(".SH NAME").count(), 1);
        assert_eq!(manual.matches(".ie ").count(), 1, "a page begins once");
    }

    #[test]
    fn completions_know_the_commands_and_the_options() {
        for shell in [Generated::Bash, Generated::Zsh, Generated::Fish] {
            let text = generate(shell);
            for word in ["doctor", "rotate", "metrics-bind", "overlap"] {
                assert!(text.contains(word), "{shell:?}: {word}");
            }
        }
    }
}
