//! What the system says that is no option.

use std::ffi::OsString;

use crate::domain::secret::Secret;

/// Whether standard output is a terminal that wants colours (see no-color.org).
pub(crate) fn wants_colours() -> bool {
    use std::io::IsTerminal;
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    std::io::stdout().is_terminal() && !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The words that the program was called with, after its own name.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1)
}

/// The installation key, where it is no file.
pub(crate) fn installation_key() -> Option<Secret> {
    std::env::var("INSTALLATION_KEY").ok().filter(|text| !text.is_empty()).map(Secret::new)
}

/// The API token, where it is no file.
pub(crate) fn api_token() -> Option<Secret> {
    std::env::var("TOKEN").ok().filter(|text| !text.is_empty()).map(Secret::new)
}

/// The log filter of `RUST_LOG`, or `usual`.
pub fn log_filter(usual: &str) -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| usual.to_owned())
}
