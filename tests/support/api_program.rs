//! A program that speaks the API with a token.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::support::actors::{Person, between};
use crate::support::server::{PASSWORD, TestServer};

/// A program with a token.
#[derive(Clone)]
pub struct Program {
    pub id: String,
    pub token: String,
    pub url: String,
    pub client: Client,
}

impl Program {
    /// With a token of a person that has some scopes.
    pub async fn with(server: &TestServer, owner: &Person, scopes: &[&str]) -> Self {
        Self::granted(server, owner, &scopes.iter().map(|scope| ("scope", *scope)).collect::<Vec<_>>()).await
    }

    /// With a token of a person that was asked for with some fields.
    pub async fn granted(server: &TestServer, owner: &Person, fields: &[(&str, &str)]) -> Self {
        let fields = [&[("name", "Program"), ("lifetime", "90"), ("current_password", PASSWORD)], fields].concat();
        let answer = owner.post("/settings/api-tokens", &fields).await;
        assert_eq!(answer.status(), 200, "a token is created");
        let page = answer.text().await.unwrap();
        let token = between(&page, "<code id=\"token\">", "</code>").to_owned();
        let hint = format!("select token_id::text from api_token_values where hash = encode(sha256('{token}'), 'hex')");
        let id = server.query(&hint).await[0][0].clone().unwrap();
        Self { id, ..Self::at(&server.url, &token) }
    }

    /// With a token that was made elsewhere.
    pub fn at(url: &str, token: &str) -> Self {
        let client = Client::builder().no_proxy().user_agent("export/1.0").redirect(reqwest::redirect::Policy::none());
        let (url, client) = (format!("{url}/api/v1"), client.build().unwrap());
        Self { id: String::new(), token: token.to_owned(), url, client }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await.unwrap()
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }

    /// The JSON of an answer, which has to have a status.
    pub async fn call(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        let got = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(got, status, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn json(&self, path: &str) -> Value {
        self.call("GET", path, Value::Null, 200).await
    }
}
