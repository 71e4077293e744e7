//! The page about the API, made from its description.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::request_body::RequestBody;

use crate::domain::api_token::Scope;
use crate::web::api::description::Description;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::snippets::{Blanks, LANGUAGES};

/// One operation, as the description has it.
struct Described {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    scopes: Vec<String>,
    parameters: Vec<(String, String)>,
    /// Of the body.
    fields: Vec<(String, String)>,
}

impl Described {
    fn new(method: &'static str, path: &str, operation: &Operation, document: &Value) -> Self {
        // The marks of code are for those who make something else of the description.
        let words = |one: &Parameter| one.description.as_deref().unwrap_or_default().replace('`', "");
        let parameter = |one: &Parameter| (one.name.clone(), words(one));
        Self {
            id: operation.operation_id.clone().unwrap_or_default().replace('_', "-"),
            method,
            path: path.to_owned(),
            summary: operation.summary.clone().unwrap_or_default(),
            scopes: scopes(operation),
            parameters: operation.parameters.iter().flatten().map(parameter).collect(),
            fields: operation.request_body.as_ref().map(|body| fields_of(body, document)).unwrap_or_default(),
        }
    }
}

/// The fields of a body with what is said of them; those of an object in it behind a dot.
fn fields_of(body: &RequestBody, document: &Value) -> Vec<(String, String)> {
    let body = serde_json::to_value(body).unwrap_or_default();
    let mut fields = Vec::new();
    add_fields(&body["content"]["application/json"]["schema"], document, "", &mut fields);
    fields
}

fn add_fields(schema: &Value, document: &Value, within: &str, fields: &mut Vec<(String, String)>) {
    for (name, field) in meant(schema, document)["properties"].as_object().into_iter().flatten() {
        let words = [field, meant(field, document)].into_iter().find_map(|schema| schema["description"].as_str());
        let name = format!("{within}{name}");
        fields.push((name.clone(), words.unwrap_or_default().replace('`', "")));
        add_fields(field, document, &format!("{name}."), fields);
    }
}

/// What a schema refers to, also where it may be null instead.
fn meant<'d>(schema: &'d Value, document: &'d Value) -> &'d Value {
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let mut named = [schema].into_iter().chain(alternatives).filter_map(|one| one["$ref"].as_str());
    match (named.next(), named.next()) {
        (Some(name), None) => document.pointer(name.trim_start_matches('#')).unwrap_or(schema),
        _ => schema,
    }
}

/// Which scopes an operation takes.
fn scopes(operation: &Operation) -> Vec<String> {
    let told = serde_json::to_value(&operation.security).unwrap_or_default();
    let is_named = |scope: &&Scope| told.to_string().contains(&format!("\"{scope}\""));
    Scope::ALL.iter().filter(is_named).map(ToString::to_string).collect()
}

#[derive(Template)]
#[template(path = "docs/api.html")]
struct Reference {
    page: Page,
    guide: Blanks,
    scopes: &'static [Scope],
    operations: Vec<Described>,
}

/// `GET /docs/webhooks/api`
pub(crate) async fn show(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    let document = Description::document();
    let written = serde_json::to_value(document).unwrap_or_default();
    let mut operations = Vec::new();
    for (path, item) in &document.paths.paths {
        let methods = [("GET", &item.get), ("POST", &item.post), ("PATCH", &item.patch), ("DELETE", &item.delete)];
        let described =
            methods.into_iter().filter_map(|(method, one)| Some(Described::new(method, path, one.as_ref()?, &written)));
        operations.extend(described);
    }
    html(&Reference {
        page: current_user.page("API").at("docs", "api"),
        guide: Blanks {
            endpoint: current_user.state.ingest_url.clone(),
            username: String::new(),
            public_url: current_user.state.public_url.clone(),
        },
        scopes: Scope::ALL,
        operations,
    })
}
