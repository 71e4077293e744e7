//! The server whose API commands speak to, and the API token that they bring: never an argument, which others on the machine can read.

use std::io::{BufRead, stdin};

use url::Url;

use crate::config::environment;
use crate::config::key_file::secret_file;
use crate::config::options::Options;
use crate::config::values::{WrongValues, is_loopback, origin};
use crate::domain::api_token::KIND;
use crate::domain::secret::Secret;

const FLAG: (&str, &str) = ("--server", "SERVER");
const TOKEN_FLAG: (&str, &str) = ("--token-file", "TOKEN_FILE");

/// Where the API is, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) server: Url,
    pub(crate) token: Secret,
}

impl Remote {
    /// `None` without a server: commands speak to the database then.
    pub(super) fn check(options: &Options, insecure_http: bool, problems: &mut WrongValues) -> Option<Self> {
        let given = options.server.as_deref().filter(|url| !url.is_empty())?;
        let server = problems.take(FLAG.0, FLAG.1, server(given, insecure_http));
        let file = options.token_file.as_deref().filter(|path| !path.is_empty());
        let given = match file {
            Some("-") => first_line(),
            Some(path) => secret_file(path).and_then(|text| {
                token(&text)
                    .ok_or_else(|| format!("is {path:?}, which has no API token: it begins with {}", KIND.prefix))
            }),
            None => environment::api_token()
                .ok_or_else(|| {
                    "is missing, and TOKEN is too: name a file that has the API token for --server".to_owned()
                })
                .and_then(|text| {
                    token(text.reveal()).ok_or_else(|| "is missing, and TOKEN is no API token".to_owned())
                }),
        };
        let token = problems.take(TOKEN_FLAG.0, TOKEN_FLAG.1, given);
        Some(Self { server: server?, token: token? })
    }
}

fn server(text: &str, insecure_http: bool) -> Result<Url, String> {
    let url = origin(text)?;
    if insecure_http || url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    Err(format!(
        "is {text:?}, which is neither https nor loopback, so that others could read the API token on the way: give the \
         https:// address, or add --insecure-http (INSECURE_HTTP=true) if you know that nobody listens in between"
    ))
}

fn first_line() -> Result<Secret, String> {
    let mut line = zeroize::Zeroizing::new(String::new());
    stdin().lock().read_line(&mut line).map_err(|error| format!("is -, and standard input failed: {error}"))?;
    token(&line).ok_or_else(|| format!("is -, and standard input has no API token: it begins with {}", KIND.prefix))
}

/// What can be a token, with nothing around it; whatever else a file has is sent to nobody.
fn token(text: &str) -> Option<Secret> {
    let text = text.trim();
    let tail = text.strip_prefix(KIND.prefix)?;
    tail.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use std::io::Write;

    use super::Remote;
    use crate::config::options::Options;
    use crate::config::values::WrongValues;

    fn check(server: &str, insecure_http: bool, file: &str) -> Result<Remote, String> {
        let path = std::env::temp_dir().join(format!("api-token-{}", std::process::id()));
        let mut written = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        written.as_mut().unwrap().write_all(file.as_bytes()).unwrap();
        let token_file = Some(path.to_str().unwrap().to_owned());
        let options = Options { server: Some(server.to_owned()), token_file, ..Options::default() };
        let mut problems = WrongValues::default();
        Remote::check(&options, insecure_http, &mut problems).ok_or_else(|| problems.to_string())
    }

    #[test]
    fn a_token_leaves_over_https_or_on_this_machine() {
        for (server, insecure_http, is_right) in [
            ("https://webhooks.example.com", false, true),
            ("http://127.0.0.1:8080", false, true),
            ("http://[::1]:8080/", false, true),
            ("http://localhost:8080", false, true),
            ("http://webhooks.example.com", false, false),
            ("http://webhooks.example.com", true, true),
            ("https://webhooks.example.com/api", false, false),
            ("https://me:secret@webhooks.example.com", false, false),
            ("webhooks.example.com", false, false),
        ] {
            let checked = check(server, insecure_http, "rwt_abcd\n");
            assert_eq!(checked.is_ok(), is_right, "{server} {checked:?}");
            assert!(checked.map_or_else(|told| told.starts_with("--server (SERVER) is"), |_| true), "{server}");
        }
        for file in ["", "rwp_canary", "rwt_canary canary"] {
            let told = check("https://webhooks.example.com", false, file).map(drop).unwrap_err();
            assert!(told.contains("has no API token") && !told.contains("canary"), "{told}");
        }
    }
}
