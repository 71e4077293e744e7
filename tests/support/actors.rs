//! Who acts in the tests: people with a browser's cookies and headers, and senders with HTTP Basic.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, redirect};

use crate::support::server::PASSWORD;

pub const WEBHOOKS: &str = "/settings/integrations/webhooks";

/// What browsers accept.
const ACCEPTED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Somebody with a browser: keeps cookies, asks for HTML, follows nothing by itself, and says where its forms come from.
#[derive(Clone)]
pub struct Person {
    pub url: String,
    pub client: Client,
}

impl Person {
    pub fn new(url: &str) -> Self {
        Self::with(url, HeaderMap::new())
    }

    /// The same, as a trusted proxy forwards it for an address.
    pub fn at(url: &str, address: &str) -> Self {
        Self::with(url, HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_str(address).unwrap())]))
    }

    fn with(url: &str, mut headers: HeaderMap) -> Self {
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        let client = Client::builder().cookie_store(true).default_headers(headers);
        let client = client.redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { url: url.to_owned(), client }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// The text of a page, which has to be there.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// The page that an answer to a form leads to, as a browser goes there at once.
    pub async fn follow(&self, answer: Response) -> String {
        assert_eq!(answer.status(), 303);
        self.page(answer.headers()["location"].to_str().unwrap()).await
    }

    /// Sends a form as a page of the same site does.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_from("same-origin", path, fields).await
    }

    /// Sends a form, telling where it comes from.
    pub async fn post_from(&self, state: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
            })
            .collect();
        self.client
            .post(format!("{}{path}", self.url))
            .header("Sec-Fetch-Site", state)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .send()
            .await
            .unwrap()
    }

    /// Generates a credential on the page and takes its values from the answer.
    pub async fn create_credential(&self, name: &str) -> Sender {
        let (path, name) = (format!("{WEBHOOKS}/credentials"), ("name", name));
        let mut answer = self.post(&path, &[name]).await;
        if answer.status() == 403 {
            // The test has let hours pass.
            answer = self.post(&path, &[name, ("current_password", PASSWORD)]).await;
        }
        assert_eq!(answer.status(), 200, "a credential is created");
        Sender::from_page(&self.url, &answer.text().await.unwrap())
    }

    /// The id of the credential with a username, from the links of the page.
    pub async fn credential_id(&self, username: &str) -> String {
        let page = self.page(&format!("{WEBHOOKS}?q={username}")).await;
        let row = page.split("class=\"cred\"").find(|row| row.starts_with(&format!(" id=\"{username}\""))).unwrap();
        between(row, &format!("href=\"{WEBHOOKS}/"), "\"").to_owned()
    }

    /// The page of the credential with a username.
    pub async fn credential_page(&self, username: &str) -> String {
        self.page(&format!("{WEBHOOKS}/{}", self.credential_id(username).await)).await
    }
}

/// An outside system with a username and a password.
#[derive(Clone, Debug)]
pub struct Sender {
    pub url: String,
    pub username: String,
    pub password: String,
    client: Client,
}

impl Sender {
    pub fn new(url: &str, username: &str, password: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { url: url.to_owned(), username: username.to_owned(), password: password.to_owned(), client }
    }

    /// Takes the values from the page that shows them once.
    pub fn from_page(url: &str, page: &str) -> Self {
        let value = |id: &str| between(page, &format!("<code id=\"{id}\">"), "</code>").to_owned();
        Self::new(url, &value("username"), &value("password"))
    }

    pub fn with_password(&self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self.clone() }
    }

    pub fn authorization(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }

    /// A POST with credentials and content type, to be completed.
    pub fn request(&self) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}/", self.url))
            .header(AUTHORIZATION, self.authorization())
            .header(CONTENT_TYPE, "application/json")
    }

    /// A request that was completed by hand.
    pub async fn execute(&self, request: reqwest::Request) -> Response {
        self.client.execute(request).await.unwrap()
    }

    pub async fn send(&self, body: impl Into<reqwest::Body>) -> Response {
        self.request().body(body).send().await.unwrap()
    }

    /// The status of sending a small event.
    pub async fn status(&self) -> u16 {
        self.send(r#"{"hello":"world"}"#).await.status().as_u16()
    }

    /// Sends an event that has to be stored, and gives back its id.
    pub async fn store(&self, body: impl Into<reqwest::Body>) -> String {
        let answer = self.send(body).await;
        assert_eq!(answer.status(), 200);
        let json: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(json["status"], "ok");
        json["id"].as_str().unwrap().to_owned()
    }
}

/// The text between two marks.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).unwrap_or_else(|| panic!("{before} is not in {text}")) + before.len();
    let end = text[start..].find(after).unwrap() + start;
    &text[start..end]
}
