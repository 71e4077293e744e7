//! The routes of every listener.
//!
//! Every address of the program, on one page.

use actix_web::error::UrlencodedError;
use actix_web::web::{self, FormConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route, guard, middleware};

use crate::web::account::{audit, confirm, deletion, details, retention, second_factor, sessions};
use crate::web::app_state::AppState;
use crate::web::docs::doc_pages;
use crate::web::errors::{self, PageError};
use crate::web::events::{comparison, event, event_list, export, filtered_deletion, overview, rejections};
use crate::web::live::stream;
use crate::web::middleware::{client_disconnect, compress, csrf, error_pages, timeout};
use crate::web::sign_in::{device, session, set_up, sign_up, with_code, with_password};
use crate::web::webhooks::{credential_list, credentials, holding};
use crate::web::{health, ingest, static_files, theme};

/// The largest form, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The public listener: ingest, pages, health.
pub fn public(config: &mut ServiceConfig, state: &web::Data<AppState>) {
    config.configure(ingest_at_root);
    config
        .service(at("/healthz", "GET, HEAD").route(get().to(health::live)))
        .service(at("/readyz", "GET, HEAD").route(get().to(health::ready)))
        .service(at("/static/{name}", "GET, HEAD").route(get().to(static_files::show)))
        .service(at("/favicon.ico", "GET, HEAD").route(get().to(static_files::favicon)));
    // Sessions and the origin check wrap the pages alone: ingest must not depend on either.
    let pages = web::scope("")
        .wrap(middleware::from_fn(error_pages::layer))
        .wrap(middleware::from_fn(session::note_remembered))
        .wrap(session::layer(state))
        .wrap(middleware::from_fn(session::keep_cookie))
        .wrap(middleware::from_fn(device::layer))
        .wrap(middleware::from_fn(csrf::layer))
        .wrap(middleware::from_fn(timeout::layer))
        .wrap(middleware::from_fn(compress::layer))
        .wrap(middleware::from_fn(client_disconnect::layer))
        .configure(pages)
        .default_service(web::to(errors::not_found));
    config.service(pages);
    // What names no path at all, as `*` does, is no page.
    config.default_service(web::to(ingest::not_found));
}

/// The second listener: ingest and nothing else.
pub fn ingest_only(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/")
                .route(web::post().to(ingest::receive))
                .default_service(web::to(ingest::method_not_allowed)),
        )
        .default_service(web::to(ingest::not_found));
}

/// `POST /`, and whatever else a sender tries there. `GET /` of a browser leads to the pages.
fn ingest_at_root(config: &mut ServiceConfig) {
    config.service(
        web::resource("/")
            .guard(guard::fn_guard(ingest::is_from_sender))
            .route(web::post().to(ingest::receive))
            .default_service(web::to(ingest::method_not_allowed)),
    );
}

/// GET, and HEAD, which is GET without the body.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// An address, and what it says to a method that it does not take (RFC 9110, section 15.5.6).
fn at(path: &str, allow: &'static str) -> Resource {
    web::resource(path.to_owned())
        .default_service(web::to(move || async move { Err::<HttpResponse, _>(PageError::MethodNotAllowed { allow }) }))
}

/// An act that a browser left open must not be able to do: whoever gave the account password too long ago is asked again.
fn confirmed(act: Route) -> Route {
    act.wrap(middleware::from_fn(confirm::layer))
}

fn pages(config: &mut ServiceConfig) {
    config
        .app_data(FormConfig::default().limit(MAX_FORM_BYTES).error_handler(|error, _| {
            let too_large = matches!(error, UrlencodedError::Overflow { .. });
            if too_large { PageError::TooLarge.into() } else { PageError::BadRequest(error.to_string()).into() }
        }))
        .app_data(PayloadConfig::new(MAX_FORM_BYTES))
        .app_data(QueryConfig::default().error_handler(|error, _| PageError::BadRequest(error.to_string()).into()))
        .app_data(PathConfig::default().error_handler(|_, _| PageError::NotFound.into()));

    sign_in_routes(config);
    event_routes(config);
    credential_routes(config);
    account_routes(config);
    documentation_routes(config);
}

fn post() -> Route {
    web::post()
}

fn sign_in_routes(config: &mut ServiceConfig) {
    config
        .service(at("/", "GET, HEAD").route(get().to(set_up::door)))
        .service(at("/setup", "GET, HEAD, POST").route(get().to(set_up::new)).route(post().to(set_up::create)))
        .service(
            at("/login", "GET, HEAD, POST").route(get().to(with_password::new)).route(post().to(with_password::create)),
        )
        .service(
            at("/login/code", "GET, HEAD, POST").route(get().to(with_code::new)).route(post().to(with_code::create)),
        )
        .service(at("/logout", "POST").route(post().to(with_password::destroy)))
        .service(at("/signup", "GET, HEAD, POST").route(get().to(sign_up::new)).route(post().to(sign_up::create)))
        .service(at("/theme", "POST").route(post().to(theme::choose)));
}

fn event_routes(config: &mut ServiceConfig) {
    config
        .service(at("/events", "GET, HEAD").route(get().to(event_list::index)))
        .service(at("/events/live", "GET, HEAD").route(get().to(stream::show)))
        .service(at("/events/export", "GET, HEAD").route(get().to(export::download)))
        .service(at("/events/overview", "GET, HEAD").route(get().to(overview::show)))
        .service(at("/events/rejections", "GET, HEAD").route(get().to(rejections::index)))
        .service(
            at("/events/deletion", "GET, HEAD, POST")
                .route(get().to(filtered_deletion::show))
                .route(confirmed(post().to(filtered_deletion::create))),
        )
        .service(at("/events/deletion/cancellation", "POST").route(post().to(filtered_deletion::cancel)))
        .service(at("/events/{id}", "GET, HEAD").route(get().to(event::show)))
        .service(at("/events/{id}/body", "GET, HEAD").route(get().to(event::body)))
        .service(at("/events/{id}/comparison", "GET, HEAD").route(get().to(comparison::show)))
        .service(at("/events/{id}/deletion", "POST").route(post().to(event::delete)));
}

fn credential_routes(config: &mut ServiceConfig) {
    config
        .service(at("/settings", "GET, HEAD").route(get().to(details::door)))
        .service(at("/settings/integrations", "GET, HEAD").route(get().to(credential_list::integrations)))
        .service(at("/settings/integrations/webhooks", "GET, HEAD").route(get().to(credential_list::show)))
        .service(
            at("/settings/integrations/webhooks/credentials", "POST").route(confirmed(post().to(credentials::create))),
        )
        .service(
            web::scope("/settings/integrations/webhooks/credentials/{id}")
                .service(at("/rotation", "POST").route(confirmed(post().to(credentials::rotate))))
                .service(at("/old-password-revocation", "POST").route(confirmed(post().to(credentials::stop_old))))
                .service(at("/overlap-extension", "POST").route(post().to(credentials::extend)))
                .service(at("/expiry", "POST").route(post().to(credentials::expire)))
                .service(at("/revocation", "POST").route(confirmed(post().to(credentials::revoke))))
                .service(at("/disabling", "POST").route(post().to(credentials::disable)))
                .service(at("/enabling", "POST").route(post().to(credentials::enable)))
                .service(at("/holding", "POST").route(post().to(holding::switch)))
                .service(at("/held-events/acceptance", "POST").route(confirmed(post().to(holding::accept))))
                .service(at("/held-events/discarding", "POST").route(confirmed(post().to(holding::discard))))
                .service(at("/name", "POST").route(post().to(credentials::rename)))
                .service(at("/test-event", "POST").route(post().to(credentials::test)))
                .default_service(web::to(errors::not_found)),
        );
}

fn account_routes(config: &mut ServiceConfig) {
    config
        .service(at("/settings/account", "GET, HEAD").route(get().to(details::show)))
        .service(at("/settings/account/name", "POST").route(post().to(details::rename)))
        .service(at("/settings/account/email", "POST").route(confirmed(post().to(details::change_address))))
        .service(at("/settings/account/password", "POST").route(post().to(details::change)))
        .service(
            at("/settings/account/second-factor", "GET, HEAD, POST")
                .route(get().to(second_factor::show))
                .route(confirmed(post().to(second_factor::create))),
        )
        .service(
            at("/settings/account/second-factor/recovery-codes", "POST")
                .route(confirmed(post().to(second_factor::renew_codes))),
        )
        .service(at("/settings/account/second-factor/removal", "POST").route(post().to(second_factor::destroy)))
        .service(
            at("/settings/account/deletion", "GET, HEAD, POST")
                .route(get().to(deletion::new))
                .route(post().to(deletion::create)),
        )
        .service(at("/settings/confirmation", "POST").route(confirmed(post().to(confirm::create))))
        .service(at("/settings/events", "GET, HEAD").route(get().to(retention::show)))
        .service(at("/settings/sessions", "GET, HEAD").route(get().to(sessions::index)))
        .service(at("/settings/other-sessions/ending", "POST").route(post().to(sessions::revoke_others)))
        .service(at("/settings/sessions/{id}/revocation", "POST").route(post().to(sessions::revoke)))
        .service(at("/settings/audit", "GET, HEAD").route(get().to(audit::index)))
        .service(at("/settings/audit/export", "GET, HEAD").route(get().to(audit::download)));
}

fn documentation_routes(config: &mut ServiceConfig) {
    config
        .service(at("/docs", "GET, HEAD").route(get().to(doc_pages::door)))
        .service(at("/docs/webhooks", "GET, HEAD").route(get().to(doc_pages::door)))
        .service(at("/docs/webhooks/quick-start", "GET, HEAD").route(get().to(doc_pages::quick_start)))
        .service(at("/docs/webhooks/api-reference", "GET, HEAD").route(get().to(doc_pages::api_reference)))
        .service(at("/docs/webhooks/advanced-usage", "GET, HEAD").route(get().to(doc_pages::advanced_usage)))
        .service(at("/docs/webhooks/search", "GET, HEAD").route(get().to(doc_pages::search)))
        .service(at("/docs/webhooks/errors", "GET, HEAD").route(get().to(doc_pages::errors)))
        .service(at("/docs/webhooks/operations", "GET, HEAD").route(get().to(doc_pages::operations)));
}
