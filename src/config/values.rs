//! How the texts of options are read, and what is said of those that are wrong.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

use crate::domain::secret::Secret;

/// Everything that is wrong, a line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WrongValues(Vec<String>);

impl fmt::Display for WrongValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl WrongValues {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, flag: &str, variable: &str, problem: String) {
        self.0.push(format!("{flag} ({variable}) {problem}"));
    }

    pub(crate) fn take<T>(&mut self, flag: &str, variable: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|problem| self.add(flag, variable, problem)).ok()
    }

    /// An option that may be missing; an empty one counts as missing, as compose files write it.
    pub(crate) fn take_some<T>(
        &mut self,
        flag: &str,
        variable: &str,
        value: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = value.filter(|text| !text.is_empty())?;
        self.take(flag, variable, read(value))
    }
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("is {text:?}, which is not a valid address and port: write it like 127.0.0.1:8080");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    // Host names, such as localhost, are looked up once.
    text.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(wrong)
}

pub(crate) fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|e| format!("is {text:?}, which is not a valid URL ({e}): write it like https://example.com/"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("is {text:?}: it has to start with https:// or http:// and name a host"));
    }
    Ok(url)
}

/// An address that users are shown as it was written.
#[derive(Clone, Debug)]
pub(crate) struct GivenUrl {
    pub(crate) url: Url,
    pub(crate) text: String,
}

pub(crate) fn given_url(text: &str) -> Result<GivenUrl, String> {
    let text = text.trim();
    // Characters that a shell or a page would take for something else are written as the standard has them.
    let url = web_url(text)?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`<>\\{}|^".contains(&byte));
    let text = if is_plain { text.to_owned() } else { url.to_string() };
    Ok(GivenUrl { url, text })
}

pub(crate) fn origin(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("is {text:?}: it has to be an origin alone, such as https://example.com, without a path"));
    }
    Ok(url)
}

/// What is wrong with serving pages, and so passwords, over plain HTTP.
pub(crate) fn insecure(public_url: Option<&Url>, bind: Option<SocketAddr>, allowed: bool) -> Option<String> {
    if allowed {
        return None;
    }
    let remedy = "set it to the https:// address that people use, or add --insecure-http (INSECURE_HTTP=true) if you \
                  know that nobody listens in between";
    match (public_url, bind) {
        (Some(url), _) if url.scheme() == "https" || is_loopback(url) => None,
        (Some(url), _) => Some(format!("is {:?}, which is neither https nor loopback: {remedy}", url.as_str())),
        (None, Some(bind)) if !bind.ip().is_loopback() => {
            Some(format!("is missing while --bind (BIND) {bind} is not loopback: {remedy}"))
        }
        (None, _) => None,
    }
}

/// Whether an address can only mean this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

pub(crate) fn database_url(text: &str) -> Result<Secret, String> {
    // The text itself is not repeated: it may contain a password.
    let config = tokio_postgres::Config::from_str(text).map_err(|e| {
        format!("is not a valid Postgres address ({e}): write it like postgresql://user:password@host:5432/name")
    })?;
    if config.get_hosts().is_empty() {
        return Err("names no host: write it like postgresql://user:password@host:5432/name".to_owned());
    }
    Ok(Secret::new(text.to_owned()))
}

pub(crate) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let part = part.trim();
        part.parse::<IpNet>()
            .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| format!("has {part:?}, which is not a valid network: write them like 10.0.0.0/8,fd00::/8"))
    };
    text.split(',').map(network).collect()
}

pub(crate) fn host_names(text: &str) -> Result<Vec<String>, String> {
    let name = |part: &str| match Host::parse(part.trim()) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(format!(
            "has {part:?}, which is not a host name: write them like webhooks.internal,monitoring, without ports"
        )),
    };
    text.split(',').map(name).collect()
}

pub(crate) fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("is {text:?}: it has to be a whole number from {least} to {most}")),
    }
}

/// A time such as `75s` or `2m`, in whole seconds or minutes.
pub(crate) fn time(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let seconds =
        text.strip_suffix('s').map(|number| (number, 1)).or(text.strip_suffix('m').map(|number| (number, 60)));
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let time = seconds.and_then(|(text, unit)| Some(Duration::from_secs(number(text)?.checked_mul(unit)?)));
    time.filter(|time| (least..=most).contains(time)).ok_or_else(|| {
        let (least, most) = (least.as_secs(), most.as_secs());
        format!("is {text:?}: it has to be a time from {least}s to {most}s, such as 75s or 2m")
    })
}

pub(crate) fn one_of<T, const N: usize>(text: &str, choices: [(&str, T); N]) -> Result<T, String> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let wrong = format!("is {text:?}: it has to be {}", words.join(" or "));
    choices.into_iter().find(|(word, _)| *word == text).map(|(_, value)| value).ok_or(wrong)
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    one_of(text, [("true", true), ("false", false), ("1", true), ("0", false), ("on", true), ("off", false)])
}
