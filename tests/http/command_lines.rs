//! Every command line that is shown somewhere, in the README, on a page, in a package, is one that the program takes.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use reasoner_webhooks::cli::args::Args;

use crate::support::docs::text_of;

const PROGRAM: &str = "reasoner-webhooks";

/// The files that show commands, below the repository.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root.join(name)).to_vec();
    let mut directories = ["docs", "templates", "packaging"].map(|name| root.join(name)).to_vec();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let is_text = entry.path().extension().is_none_or(|end| end != "png");
            match entry.path() {
                path if path.is_dir() => directories.push(path),
                path if is_text => files.push(path),
                _ => {}
            }
        }
    }
    files
}

/// The words of a shell's command, up to where another one begins or something is redirected.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(mark), _) if character == mark => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '<' | ';' | '&' | ')' | '`') => break,
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// What a text shows of the program: from its name to the end of the line, or of what is set off from the text around it.
fn shown(path: &Path, text: &str) -> Vec<String> {
    let text =
        text.replace("\\\n", " ").replace("{{ username }}", "rw_7f3kq2m9").replace("$P ", &format!("{PROGRAM} "));
    let mut places: Vec<String> = Vec::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("html") => {
            let code = regex::Regex::new(r"(?s)<code[^>]*>(.*?)</code>").unwrap();
            places.extend(code.captures_iter(&text).map(|found| text_of(&found[1])));
        }
        Some("md" | "yaml" | "json") => {
            let spans = regex::Regex::new(r"`([^`\n]+)`").unwrap();
            places.extend(spans.captures_iter(&text).map(|found| found[1].to_owned()));
            let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
            places.extend(blocks.flat_map(str::lines).map(str::to_owned));
        }
        _ => {}
    }
    if path.extension().is_none_or(|end| end != "md" && end != "html") {
        places.extend(text.lines().map(str::to_owned));
    }
    places
}

/// The arguments in each place that names the program, or begins with the name of a command and goes on.
fn arguments(place: &str) -> Option<Vec<String>> {
    let named = regex::Regex::new(&format!(r"(?:^|[\s/`=]){PROGRAM} ([a-z-][^\s].*)")).unwrap();
    if let Some(found) = named.captures(place) {
        return Some(words(found.get(1).unwrap().as_str()));
    }
    let words = words(place);
    let command = Args::command();
    let is_command = |word: &String| command.get_subcommands().any(|known| known.get_name() == word);
    (words.len() > 1 && is_command(&words[0]) && words[1].starts_with(|c: char| c.is_ascii_lowercase() || c == '-'))
        .then_some(words)
}

/// Why the program would not take these arguments. What is left out, or stands for a value, is no mistake.
fn mistake(arguments: &[String]) -> Option<String> {
    let error = Args::try_parse_from(std::iter::once(PROGRAM).chain(arguments.iter().map(String::as_str))).err()?;
    let stands_for_a_value = error.kind() == ErrorKind::InvalidValue
        && arguments.iter().any(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()));
    let is_no_mistake = stands_for_a_value
        || matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::MissingRequiredArgument
        );
    (!is_no_mistake).then(|| error.to_string())
}

#[test]
fn every_command_line_that_is_shown_is_one_that_the_program_takes() {
    let mut count = 0;
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for place in shown(&path, &text) {
            let Some(arguments) = arguments(&place) else { continue };
            count += 1;
            assert_eq!(mistake(&arguments), None, "{}: {place}", path.display());
        }
    }
    assert!(count > 60, "{count} command lines were found, and there are more");
}

#[test]
fn a_command_line_that_the_program_does_not_take_is_found() {
    for line in [
        "reasoner-webhooks acount create a@example.com",
        "PUBLIC_URL=x target/release/reasoner-webhooks serv",
        "reasoner-webhooks events export a@example.com --formt csv > x",
        "credential rotate rw_7f3kq2m9 --overlap 2h",
        "account second-factor a@example.com",
    ] {
        assert!(mistake(&arguments(line).unwrap()).is_some(), "{line}");
    }
    assert_eq!(arguments("--tag reasoner-webhooks ."), None);
    assert_eq!(words("tail 'a b' --query \"x = 'y'\" | head"), ["tail", "a b", "--query", "x = 'y'"]);
}
