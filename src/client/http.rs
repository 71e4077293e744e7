//! An HTTP client (RFC 9110) over TLS: one request and its answer. No redirect is followed, and no proxy is asked.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than servers keep a connection that lies idle.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);
/// Between two parts of an answer.
const PART_TIMEOUT: Duration = Duration::from_secs(60);
/// The same of one that goes through all events, few of which may be wanted.
const SEARCHED_PART_TIMEOUT: Duration = Duration::from_secs(1_800);

/// Why there is no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0}")]
    Unreachable(String),
    #[error("nothing came within {} s", .0.as_secs())]
    Late(Duration),
    #[error("the answer broke off ({0})")]
    BrokenOff(String),
}

/// The client, which keeps connections for its next requests.
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Result<Self, HttpError> {
        let tls = tls::trusting_the_system().map_err(|error| HttpError::Unreachable(error.to_string()))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector);
        Ok(Self(client))
    }

    /// The answer up to its body, which has to begin within a time.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<Response<Incoming>, HttpError> {
        let answer = timeout(within, self.0.request(request)).await.map_err(|_| HttpError::Late(within))?;
        answer.map_err(|error| HttpError::Unreachable(innermost(&error)))
    }
}

/// The next part of a body that is searched for while it is written; `None` at its end.
pub(crate) async fn next_part(body: &mut Incoming) -> Result<Option<Bytes>, HttpError> {
    loop {
        let frame = timeout(SEARCHED_PART_TIMEOUT, body.frame()).await;
        let frame = frame.map_err(|_| HttpError::Late(SEARCHED_PART_TIMEOUT))?;
        match frame.transpose().map_err(|error| HttpError::BrokenOff(innermost(&error)))? {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// All of a body, up to so many bytes.
pub(crate) async fn whole(body: Incoming, most: usize) -> Result<Bytes, HttpError> {
    let read = timeout(PART_TIMEOUT, Limited::new(body, most).collect()).await;
    let read = read.map_err(|_| HttpError::Late(PART_TIMEOUT))?;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| HttpError::BrokenOff(innermost(&*error)))
}

/// What is behind an error: its own words are those of a library.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
