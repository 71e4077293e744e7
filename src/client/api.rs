//! A client of `/api/v1`: requests with an API token, and what problem details (RFC 9457) say in words.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::client::http::{HttpClient, HttpError, whole};
use crate::domain::secret::Secret;

/// Longer than the server takes until an answer begins.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// More than a page of events with the largest bodies and heads that stand in one, in bytes.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// As large as an event can be, in bytes.
const MAX_EVENT_BYTES: usize = 256 << 20;
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// Parameters of a query.
pub(crate) type Parameters = Vec<(&'static str, String)>;

/// Why the API did not do what it was asked, in words for whoever typed a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{server} cannot be asked: {source}")]
    Lost { server: String, source: HttpError },
    #[error("{}", .0.words())]
    Refused(Problem),
    #[error(
        "{server} answered with {status}, and not as the API does: --server (SERVER) has to be the address of the pages"
    )]
    Foreign { server: String, status: StatusCode },
}

/// What the API says is wrong.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    status: u16,
    detail: String,
    #[serde(default)]
    errors: Vec<FieldProblem>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

#[derive(Debug, Deserialize)]
struct FieldProblem {
    field: String,
    detail: String,
}

impl Problem {
    fn words(&self) -> String {
        if self.errors.is_empty() {
            return self.detail.clone();
        }
        let words: Vec<String> = self.errors.iter().map(|one| format!("{}: {}", one.field, one.detail)).collect();
        words.join("; ")
    }
}

impl ApiError {
    /// Whether the same may be answered later: nobody answered, or not now.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Refused(problem) => matches!(problem.status, 429 | 502..=504),
            Self::Foreign { status, .. } => status.is_server_error(),
        }
    }

    /// How long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after,
            _ => None,
        }
    }

    /// Whether what was sent cannot be done as things are.
    pub(crate) fn is_unprocessable(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 422)
    }

    /// Whether the API knows no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404)
    }
}

/// The API of one server, with the token of one account.
pub(crate) struct ApiClient {
    http: HttpClient,
    /// Without a slash at its end.
    server: String,
    token: Secret,
}

impl ApiClient {
    pub(crate) fn new(server: &Url, token: Secret) -> Result<Self, ApiError> {
        let server = server.as_str().trim_end_matches('/').to_owned();
        let http = HttpClient::new().map_err(|source| ApiError::Lost { server: server.clone(), source })?;
        Ok(Self { http, server, token })
    }

    /// Reads something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Parameters) -> Result<T, ApiError> {
        self.follow(path, query, Duration::ZERO).await
    }

    /// Reads something that may not be there yet, and waits as long for it as the query says.
    pub(crate) async fn follow<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Parameters,
        wait: Duration,
    ) -> Result<T, ApiError> {
        let answer = self.ask(Method::GET, &with(path, query), None, ANSWER_TIMEOUT + wait).await?;
        self.read(answer).await
    }

    /// Changes something.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        // What is sent are texts and numbers, which always serialize.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let answer = self.ask(method, path, Some(body), ANSWER_TIMEOUT).await?;
        self.read(answer).await
    }

    /// An answer that is read part by part.
    pub(crate) async fn stream(&self, path: &str, query: &Parameters) -> Result<Incoming, ApiError> {
        Ok(self.ask(Method::GET, &with(path, query), None, ANSWER_TIMEOUT).await?.into_body())
    }

    /// The bytes of one event's body.
    pub(crate) async fn body(&self, id: &str) -> Result<Bytes, ApiError> {
        let body = self.stream(&format!("/events/{id}/body"), &Parameters::new()).await?;
        whole(body, MAX_EVENT_BYTES).await.map_err(|source| self.lost(source))
    }

    /// What became of an answer on its way.
    pub(crate) fn lost(&self, source: HttpError) -> ApiError {
        ApiError::Lost { server: self.server.clone(), source }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        within: Duration,
    ) -> Result<Response<Incoming>, ApiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.server))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.reveal()))
            .header(header::USER_AGENT, concat!("reasoner-webhooks/", env!("CARGO_PKG_VERSION")));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default()));
        let request = request.map_err(|error| self.lost(HttpError::Unreachable(error.to_string())))?;
        let answer = self.http.send(request, within).await.map_err(|source| self.lost(source))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer).await) }
    }

    async fn refusal(&self, answer: Response<Incoming>) -> ApiError {
        let status = answer.status();
        let retry_after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let told = whole(answer.into_body(), MAX_PROBLEM_BYTES).await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&told) {
            Ok(problem) => ApiError::Refused(Problem { retry_after: retry_after.map(Duration::from_secs), ..problem }),
            Err(_) => self.foreign(status),
        }
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response<Incoming>) -> Result<T, ApiError> {
        let status = answer.status();
        let text = whole(answer.into_body(), MAX_ANSWER_BYTES).await.map_err(|source| self.lost(source))?;
        serde_json::from_slice(&text).map_err(|_| self.foreign(status))
    }

    fn foreign(&self, status: StatusCode) -> ApiError {
        ApiError::Foreign { server: self.server.clone(), status }
    }
}

fn with(path: &str, query: &Parameters) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
