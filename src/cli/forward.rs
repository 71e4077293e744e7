//! Events posted to a program as they were sent, one after the other, each until the answer is a success.

use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};

use crate::cli::api_event::{Event, Header};
use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::client::api::ApiClient;
use crate::client::backoff::Backoff;
use crate::client::http::HttpClient;
use crate::config::values::{is_loopback, web_url};
use crate::domain::confidential::MASK;

/// How long the program may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// What the program is told of the event beside what the sender sent.
const EVENT_ID: HeaderName = HeaderName::from_static("x-event-id");
/// What is between two neighbours alone (RFC 9110, section 7.6.1), or is of a body as it was on its way.
const NOT_HANDED_ON: [&str; 14] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "content-encoding",
    "content-type",
    "expect",
    "x-event-id",
];

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// It was deleted before it was delivered.
    Gone,
    /// Whoever was to deliver it was asked to end before it was.
    Ended,
}

/// The program that events are posted to.
pub(crate) struct Target {
    http: HttpClient,
    uri: Uri,
}

impl Target {
    pub(crate) fn new(text: &str, allow_remote: bool) -> Result<Self, CommandError> {
        let wrong = |problem: String| CommandError::Refused(format!("--forward {problem}"));
        let url = web_url(text).map_err(wrong)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a username or a password, which would not be sent: leave them out".to_owned()));
        }
        if !allow_remote && !is_loopback(&url) {
            return Err(wrong(format!(
                "is {text:?}, which may be another machine: name this one, such as http://localhost:3000, or add --allow-remote"
            )));
        }
        let uri = url.as_str().parse().map_err(|error| wrong(format!("is {text:?}, which is no address: {error}")))?;
        Ok(Self { http: HttpClient::new().map_err(CommandError::refused)?, uri })
    }

    /// Posts an event until it is taken, or until `ended`; what is under way is waited for.
    pub(crate) async fn deliver(
        &self,
        api: &ApiClient,
        event: &Event,
        ended: impl Future<Output = ()>,
    ) -> Result<Outcome, CommandError> {
        let (mut backoff, mut told, ended) = (Backoff::default(), String::new(), ended.shared());
        loop {
            let why = match self.attempt(api, event).await? {
                Ok(outcome) => {
                    if !told.is_empty() {
                        output::aside(&format!("{} takes events again.", self.uri));
                    }
                    return Ok(outcome);
                }
                Err(why) => why,
            };
            if why != told {
                output::aside(&format!("event {} was not delivered: {why}; trying again until it is.", event.id));
                told = why;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = ended.clone() => return Ok(Outcome::Ended),
            }
        }
    }

    /// Posts it once, or says why that was no success.
    async fn attempt(&self, api: &ApiClient, event: &Event) -> Result<Result<Outcome, String>, CommandError> {
        let body = match &event.body {
            // The list has the value alone: where that is shorter than what was sent, something stood around it.
            Some(body) if body.get().len() as u64 == event.size_bytes => Bytes::copy_from_slice(body.get().as_bytes()),
            _ => match api.body(&event.id).await {
                Ok(body) => body,
                Err(error) if error.is_not_found() => {
                    output::aside(&format!("event {} was deleted before it was delivered.", event.id));
                    return Ok(Ok(Outcome::Gone));
                }
                Err(error) if error.is_passing() => return Ok(Err(error.to_string())),
                Err(error) => return Err(error.into()),
            },
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers(event);
        Ok(match self.http.send(request, ANSWER_TIMEOUT).await {
            Ok(answer) if answer.status().is_success() => Ok(Outcome::Delivered),
            Ok(answer) if answer.status().is_redirection() => {
                Err(format!("{} answered with {}, and redirects are not followed", self.uri, answer.status()))
            }
            Ok(answer) => Err(format!("{} answered with {}", self.uri, answer.status())),
            Err(error) => Err(format!("{} cannot be asked: {error}", self.uri)),
        })
    }
}

/// What the sender sent, but for what is confidential and what belongs to the connection that it was sent on.
fn headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let of_connection: Vec<&str> = event
        .headers
        .iter()
        .filter(|header| header.name == "connection")
        .flat_map(|header| header.value.split(','))
        .collect();
    let is_handed_on = |header: &&Header| {
        let is_named = |name: &&str| name.trim().eq_ignore_ascii_case(&header.name);
        header.value != MASK && !NOT_HANDED_ON.contains(&header.name.as_str()) && !of_connection.iter().any(is_named)
    };
    for Header { name, value } in event.headers.iter().filter(is_handed_on) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    for (name, value) in [(CONTENT_TYPE, &event.content_type), (EVENT_ID, &event.id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::{Event, Target, headers};

    #[test]
    fn events_are_forwarded_to_this_machine_unless_another_is_allowed() {
        for (url, allow_remote, said) in [
            ("http://localhost:3000/hook?a=1", false, ""),
            ("http://127.0.0.1", false, ""),
            ("https://[::1]:3000", false, ""),
            ("http://example.com", true, ""),
            ("http://example.com", false, "--allow-remote"),
            ("http://localhost.example.com", false, "--allow-remote"),
            ("http://169.254.169.254/", false, "--allow-remote"),
            ("http://me:canary@localhost", false, "leave them out"),
            ("file:///etc/passwd", true, "https://"),
            ("localhost:3000", false, "https://"),
        ] {
            let told = Target::new(url, allow_remote).map(|_| String::new()).unwrap_or_else(|error| error.to_string());
            assert!(told.contains(said) && told.is_empty() == said.is_empty(), "{url}: {told}");
            assert!(!told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn what_is_confidential_or_of_a_connection_is_not_handed_on() {
        let event: Event = serde_json::from_str(
            r#"{"id":"7","received_at":"","credential":{"username":""},"remote_ip":"","content_type":"application/json","size_bytes":0,
            "headers":[{"name":"host","value":"a"},{"name":"connection","value":"close, X-Hop"},{"name":"x-hop","value":"1"},
            {"name":"x-api-key","value":"[masked]"},{"name":"content-encoding","value":"gzip"},{"name":"content-length","value":"9"},
            {"name":"content-type","value":"text/plain"},{"name":"transfer-encoding","value":"chunked"},{"name":"x-event-id","value":"x"},
            {"name":"via","value":"one"},{"name":"via","value":"two"},{"name":"user-agent","value":"shop/1 é"}]}"#,
        )
        .unwrap();
        let sent = headers(&event);
        let sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 5] = [
            ("via", b"one"),
            ("via", b"two"),
            ("user-agent", "shop/1 é".as_bytes()),
            ("content-type", b"application/json"),
            ("x-event-id", b"7"),
        ];
        assert_eq!(sent.len(), expected.len(), "{sent:?}");
        for header in expected {
            assert!(sent.contains(&header), "{sent:?}");
        }
    }
}
