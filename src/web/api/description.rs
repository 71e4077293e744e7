//! The description of the API in OpenAPI 3.1, made from the handlers' own types.

use std::sync::LazyLock;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Required, Server};
use utoipa::{Modify, OpenApi};

use crate::web::api::errors::ApiError;
use crate::web::api::problem_schema::{FieldError, Problem};
use crate::web::api::{
    account, alerts, audit, changes, consumers, credentials, events, live, overview, pulling, rejections,
};
use crate::web::app_state::AppState;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("api_token", HttpAuthScheme::Bearer), ("sender", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// Who has nothing to say in a body need not send one.
struct OptionalBodies;

impl Modify for OptionalBodies {
    fn modify(&self, document: &mut Document) {
        let operations = document.paths.paths.values_mut().flat_map(|item| [&mut item.post, &mut item.patch]);
        for operation in operations.flatten() {
            let creates_or_names = ["create_credential", "revoke_credential"].map(Some);
            if let Some(body) = &mut operation.request_body
                && !creates_or_names.contains(&operation.operation_id.as_deref())
            {
                body.required = Some(Required::False);
            }
        }
    }
}

/// What is wrong here is said as what is wrong there.
struct Failures;

impl Modify for Failures {
    fn modify(&self, document: &mut Document) {
        let items = document.paths.paths.values_mut();
        let operations = items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete]);
        for operation in operations.flatten() {
            let answers = &mut operation.responses.responses;
            if let Some(problem) = answers.get("4XX").cloned() {
                answers.insert("5XX".to_owned(), problem);
            }
        }
    }
}

/// The description, without the address of a server.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Reasoner Webhooks", version = "1", description = "Read, search, export and follow events, and manage credentials."),
    paths(
        describe,
        account::show_self,
        account::show,
        events::index,
        events::show,
        events::body,
        events::delete,
        events::export,
        live::show,
        rejections::index,
        overview::show,
        audit::index,
        alerts::index,
        credentials::index,
        credentials::create,
        credentials::show,
        changes::change,
        credentials::passwords,
        credentials::rotate,
        credentials::stop_old,
        credentials::revoke,
        consumers::index,
        consumers::create,
        consumers::show,
        consumers::delete,
        pulling::events,
        consumers::ack,
        consumers::seek
    ),
    components(schemas(Problem, FieldError)),
    modifiers(&Schemes, &OptionalBodies, &Failures)
)]
pub struct Description;

impl Description {
    /// All of it.
    pub fn document() -> &'static Document {
        static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
            let mut document = Description::openapi();
            // That of the package would be empty.
            document.info.license = None;
            document
        });
        &DOCUMENT
    }
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "read_description", tag = "description",
    responses((status = 200, description = "This description", body = serde_json::Value),
        (status = "4XX", body = Problem, content_type = "application/problem+json")), security(()))]
pub(crate) async fn describe(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let written = state.api_description.get_or_init(|| {
        let mut document = Description::document().clone();
        document.servers = Some(vec![Server::new(&state.public_url)]);
        web::Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
    });
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(written.clone()))
}
