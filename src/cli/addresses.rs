//! What `doctor` says of addresses and proxies, as far as they can be judged from the options that it is given.

use crate::cli::checks::Check;
use crate::config::checked::Config;
use crate::config::values::is_loopback;

const OVER_HTTPS: &str = "serve it over https behind a proxy, and set the address to the https:// one";

/// All of them; `served` is the endpoint that `serve` last showed senders.
pub(crate) fn checks(config: &Config, served: Option<&str>) -> Vec<Check> {
    let here = config.endpoint(config.bind);
    match served.filter(|served| *served != here) {
        // Whoever runs `doctor` beside a service seldom has the service's environment.
        Some(served) if !config.names_addresses() => vec![
            Check::hint(
                "served_url",
                format!("`serve` last showed senders {served}, and the options given here say nothing of addresses"),
                "give `doctor` the options of `serve`, and it looks at addresses and proxies as well",
            ),
            proxies(config),
        ],
        Some(served) => vec![
            pages(config),
            endpoint(config),
            proxies(config),
            Check::hint(
                "served_url",
                format!("`serve` last showed senders {served}, and with the options given here it is {here}"),
                "give commands the same options as `serve`, or credentials are printed with the wrong address",
            ),
        ],
        None => vec![pages(config), endpoint(config), proxies(config)],
    }
}

/// Where people sign in.
fn pages(config: &Config) -> Check {
    let pages = config.public_origin(config.bind);
    let is_clear = match &config.public_url {
        Some(url) => url.scheme() != "https" && !is_loopback(url),
        None => !config.bind.ip().is_loopback(),
    };
    if is_clear {
        Check::fail("public_url", format!("pages are at {pages}: passwords travel in the clear"), OVER_HTTPS)
    } else {
        Check::ok("public_url", format!("pages are at {pages}"))
    }
}

/// Where senders send.
fn endpoint(config: &Config) -> Check {
    let endpoint = config.endpoint(config.bind);
    match config.ingest_url.as_ref().map(|given| &given.url) {
        Some(url) if url.scheme() != "https" && !is_loopback(url) => Check::fail(
            "ingest_url",
            format!("senders are shown {endpoint}: passwords travel in the clear"),
            OVER_HTTPS,
        ),
        Some(url) if is_loopback(url) && !config.public_url.as_ref().is_none_or(is_loopback) => Check::hint(
            "ingest_url",
            format!("senders are shown {endpoint}, which only this machine can reach"),
            "set --ingest-url (INGEST_URL) to the address that senders use",
        ),
        None if config.ingest_bind.is_some() => Check::hint(
            "ingest_url",
            format!(
                "senders are shown {endpoint}, the address of the pages, although --ingest-bind has one of its own"
            ),
            "set --ingest-url (INGEST_URL) to the address that leads there",
        ),
        _ => Check::ok("ingest_url", format!("senders are shown {endpoint}")),
    }
}

/// Whose word on addresses is believed.
fn proxies(config: &Config) -> Check {
    let is_https = config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if config.trusted_proxies.is_everybody() {
        Check::fail(
            "proxies",
            "every address counts as a trusted proxy, so any sender can say where it is",
            "set --trusted-proxies (TRUSTED_PROXIES) to the networks of your proxies alone",
        )
    } else if is_https && config.trusted_proxies.is_empty() {
        Check::hint(
            "proxies",
            "pages are served over https, and no proxy is trusted",
            "set --trusted-proxies (TRUSTED_PROXIES) to the proxy's address: without it everybody seems to come from \
             there, and nobody notices a password that was sent over plain HTTP",
        )
    } else if config.trusted_proxies.is_empty() {
        Check::ok("proxies", "no proxy is trusted")
    } else {
        Check::ok("proxies", "forwarding headers of the trusted proxies are believed")
    }
}

#[cfg(test)]
mod tests {
    use super::checks;
    use crate::cli::checks::{Check, State};
    use crate::config::checked::Config;
    use crate::config::options::Options;

    /// The state of one check under some options.
    fn state_of(check: &str, options: Options) -> State {
        let checked: Vec<Check> = checks(&Config::check(options).unwrap(), None);
        checked.into_iter().find(|found| found.check == check).unwrap().state
    }

    fn input(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn addresses_that_send_passwords_in_the_clear_fail() {
        let insecure = |options: Options| Options { insecure_http: input("true"), ..options };
        let at = |url: &str| Options { public_url: input(url), ..Options::default() };
        assert_eq!(state_of("public_url", Options::default()), State::Ok);
        assert_eq!(state_of("public_url", at("https://hooks.example.com")), State::Ok);
        assert_eq!(state_of("public_url", insecure(at("http://hooks.example.com"))), State::Fail);
        let everywhere = Options { bind: "0.0.0.0:8080".to_owned(), ..Options::default() };
        assert_eq!(state_of("public_url", insecure(everywhere)), State::Fail);
        let shown = Options { ingest_url: input("http://hooks.example.com/"), ..Options::default() };
        assert_eq!(state_of("ingest_url", shown), State::Fail);
    }

    #[test]
    fn an_endpoint_that_leads_elsewhere_than_its_listener_is_a_hint() {
        let second = Options { ingest_bind: input("127.0.0.1:8081"), ..Options::default() };
        assert_eq!(state_of("ingest_url", second.clone()), State::Hint);
        let named = Options { ingest_url: input("https://in.example.com/"), ..second };
        assert_eq!(state_of("ingest_url", named), State::Ok);
        let local = Options {
            public_url: input("https://hooks.example.com"),
            ingest_url: input("http://127.0.0.1:8080/"),
            ..Options::default()
        };
        assert_eq!(state_of("ingest_url", local), State::Hint);
    }

    #[test]
    fn proxies_are_named_where_there_is_one_and_not_everybody_is() {
        let https = Options { public_url: input("https://hooks.example.com"), ..Options::default() };
        assert_eq!(state_of("proxies", https.clone()), State::Hint);
        assert_eq!(state_of("proxies", Options { trusted_proxies: input("10.0.0.0/8"), ..https.clone() }), State::Ok);
        assert_eq!(state_of("proxies", Options { trusted_proxies: input("0.0.0.0/0"), ..https }), State::Fail);
        assert_eq!(state_of("proxies", Options::default()), State::Ok);
    }

    #[test]
    fn a_doctor_that_was_not_told_the_addresses_does_not_make_them_up() {
        let words = |options: Options, served| -> Vec<(&'static str, State)> {
            let checked = checks(&Config::check(options).unwrap(), Some(served));
            checked.into_iter().map(|check| (check.check, check.state)).collect()
        };
        let (told, served) = (
            Options { public_url: input("https://hooks.example.com"), ..Options::default() },
            "https://hooks.example.com/",
        );
        assert_eq!(words(Options::default(), served), [("served_url", State::Hint), ("proxies", State::Ok)]);
        assert!(!words(told.clone(), served).iter().any(|(check, _)| *check == "served_url"));
        assert!(words(told, "https://old.example.com/").contains(&("served_url", State::Hint)));
        assert_eq!(words(Options::default(), "http://127.0.0.1:8080/").len(), 3);
    }
}
