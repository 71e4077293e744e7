//! Somebody signed in, with one browser: how long pages take, and what they weigh.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, redirect};

use crate::program::{EMAIL, PASSWORD, Program};

/// How often a page is asked for; what counts is the middle one.
const TIMES: usize = 101;
const WARM_UP: usize = 3;

/// A signed-in session.
pub struct CurrentUser {
    client: Client,
    /// The origin of the pages.
    pub url: String,
    pub cookie: String,
}

impl CurrentUser {
    pub async fn sign_in(program: &Program) -> Result<Self> {
        Self::sign_in_as(program, EMAIL).await
    }

    /// Everybody has the same password.
    pub async fn sign_in_as(program: &Program, email: &str) -> Result<Self> {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build()?;
        let url = program.url.trim_end_matches('/').to_owned();
        let form = format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
        let answer = client
            .post(format!("{url}/login"))
            .header("Sec-Fetch-Site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await?;
        ensure!(answer.status() == 303, "signing in: {}", answer.status());
        let cookies: Vec<&str> = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split(';').next())
            .collect();
        ensure!(!cookies.is_empty(), "signing in gave no cookie");
        Ok(Self { cookie: cookies.join("; "), client, url })
    }

    /// A program that reads in the same name, with an API token.
    pub fn with_token(program: &Program, token: &str) -> Result<Self> {
        let authorization = HeaderValue::from_str(&format!("Bearer {token}"))?;
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]);
        let client =
            Client::builder().no_proxy().redirect(redirect::Policy::none()).default_headers(headers).build()?;
        Ok(Self { cookie: String::new(), client, url: program.url.trim_end_matches('/').to_owned() })
    }

    /// The JSON of an answer.
    pub async fn json(&self, path: &str) -> Result<serde_json::Value> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    /// What the program answers, as it comes over the wire.
    async fn get(&self, path: &str) -> Result<Response> {
        // By hand, as a browser says it: a page that another site leads to is not compressed.
        let request = self.client.get(format!("{}{path}", self.url)).header("Sec-Fetch-Site", "none");
        let answer =
            request.header(header::COOKIE, &self.cookie).header(header::ACCEPT_ENCODING, "gzip").send().await?;
        ensure!(answer.status() == 200, "{path}: {}", answer.status());
        Ok(answer)
    }

    /// The time until all of a page is there, the first time that it is asked for.
    pub async fn first_time(&self, path: &str) -> Result<Duration> {
        let started = Instant::now();
        self.get(path).await?.bytes().await?;
        Ok(started.elapsed())
    }

    /// The text of a page.
    pub async fn page(&self, path: &str) -> Result<String> {
        let request = self.client.get(format!("{}{path}", self.url)).header(header::COOKIE, &self.cookie);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    /// What a browser without a cache takes over the wire for a page, in bytes, and what it asks others for.
    pub async fn weight(&self, path: &str) -> Result<(usize, Vec<String>)> {
        let page = self.page(path).await?;
        let mut bytes = self.get(path).await?.bytes().await?.len();
        let (mut own, mut others) = (BTreeSet::new(), Vec::new());
        let tags =
            page.split('<').filter(|tag| ["link ", "script ", "img ", "use "].iter().any(|t| tag.starts_with(t)));
        for tag in tags {
            for mark in [" href=\"", " src=\""] {
                let Some(start) = tag.find(mark) else { continue };
                let address = tag[start + mark.len()..].split(['"', '#']).next().unwrap_or_default();
                if address.starts_with('/') {
                    own.insert(address.to_owned());
                } else if !address.is_empty() {
                    others.push(address.to_owned());
                }
            }
        }
        for address in own {
            bytes += self.get(&address).await?.bytes().await?.len();
        }
        Ok((bytes, others))
    }
}

/// The time of each page in the middle of many times, asked for in turn.
pub async fn usual_times<const N: usize>(pages: [(&CurrentUser, &str); N]) -> Result<[Duration; N]> {
    let mut times = [const { Vec::new() }; N];
    for number in 0..WARM_UP + TIMES {
        for ((reader, path), times) in pages.iter().zip(&mut times) {
            let time = reader.first_time(path).await?;
            if number >= WARM_UP {
                times.push(time);
            }
        }
    }
    Ok(times.map(|mut times| {
        times.sort_unstable();
        times[TIMES / 2]
    }))
}
