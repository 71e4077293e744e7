//! The consumer that `events listen` reads through: found by its name, or made.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::cli::failure::CommandError;
use crate::client::api::{ApiClient, Parameters};

#[derive(Deserialize)]
pub(crate) struct Consumer {
    pub(crate) id: String,
    name: String,
    filter: Filter,
}

#[derive(Deserialize)]
struct Filter {
    q: Option<String>,
    usernames: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    consumers: Vec<Consumer>,
}

impl Consumer {
    /// The one with a name; where there is none, a new one that begins now and reads what the options say.
    pub(crate) async fn named(
        api: &ApiClient,
        name: &str,
        credential: Option<&str>,
        query: Option<&str>,
    ) -> Result<Self, CommandError> {
        let all: List = api.get("/consumers", &Parameters::new()).await?;
        let Some(found) = all.consumers.into_iter().find(|one| one.name == name.trim()) else {
            let credentials = Vec::from_iter(credential);
            let new = json!({ "name": name, "start": "now", "filter": { "q": query, "credentials": credentials } });
            return Ok(api.send(Method::POST, "/consumers", &new).await?);
        };
        let is_same_query = query.is_none_or(|query| found.filter.q.as_deref().unwrap_or_default() == query.trim());
        let is_same_credential = credential.is_none_or(|username| found.filter.usernames == [username.trim()]);
        if is_same_query && is_same_credential {
            return Ok(found);
        }
        Err(CommandError::Refused(format!(
            "the consumer {name:?} was made for other events: leave --query and --credential out, or use another name"
        )))
    }
}
