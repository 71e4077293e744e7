//! The description of the API in OpenAPI 3.1, made from the handlers' own types.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Required, Server};
use utoipa::{Modify, OpenApi};

use crate::web::api::errors::ApiError;
use crate::web::api::problem_schema::{FieldError, Problem};
use crate::web::api::{account, audit, changes, consumers, credentials, events, live, overview, pulling, rejections};
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
    modifiers(&Schemes, &OptionalBodies)
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
    let mut document = Description::document().clone();
    document.servers = Some(vec![Server::new(&state.public_url)]);
    Ok(HttpResponse::Ok().json(document))
}
