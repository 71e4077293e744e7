//! Every address of the program, on one page.

use actix_web::error::UrlencodedError;
use actix_web::web::{self, FormConfig, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{Route, guard, middleware};

use crate::web::errors::{self, PageError};
use crate::web::site::Site;
use crate::web::{
    account, audit, credentials, docs, event, events, export, health, ingest, live, rejections, same_origin, session,
    sessions, set_up, sign_in, sign_up, static_files, theme, webhooks,
};

/// The largest form, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The public listener: ingest, pages, health.
pub fn public(config: &mut ServiceConfig, site: &web::Data<Site>) {
    config.configure(ingest_at_root);
    config
        .route("/healthz", get().to(health::live))
        .route("/readyz", get().to(health::ready))
        .route("/static/{name}", get().to(static_files::show))
        .route("/favicon.ico", get().to(static_files::favicon));
    // Sessions and the origin check wrap the pages alone: ingest must not depend on either.
    let pages = web::scope("")
        .wrap(session::layer(site))
        .wrap(middleware::from_fn(same_origin::layer))
        .configure(pages)
        .default_service(web::to(errors::not_found));
    config.service(pages);
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

/// `POST /`, and whatever else a sender tries there. `GET /` without credentials is the pages' door.
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

fn pages(config: &mut ServiceConfig) {
    config
        .app_data(FormConfig::default().limit(MAX_FORM_BYTES).error_handler(|error, _| {
            let too_large = matches!(error, UrlencodedError::Overflow { .. });
            if too_large { PageError::TooLarge.into() } else { PageError::BadRequest(error.to_string()).into() }
        }))
        .app_data(QueryConfig::default().error_handler(|error, _| PageError::BadRequest(error.to_string()).into()))
        .app_data(PathConfig::default().error_handler(|_, _| PageError::NotFound.into()));

    let post = || web::post();
    let at = |path: &str| web::resource(path.to_owned()).default_service(web::to(errors::method_not_allowed));

    // The way in.
    config
        .service(at("/").route(get().to(set_up::door)))
        .service(at("/setup").route(get().to(set_up::new)).route(post().to(set_up::create)))
        .service(at("/login").route(get().to(sign_in::new)).route(post().to(sign_in::create)))
        .service(at("/logout").route(post().to(sign_in::destroy)))
        .service(at("/signup").route(get().to(sign_up::new)).route(post().to(sign_up::create)))
        .service(at("/theme").route(post().to(theme::choose)));

    // What was received.
    config
        .service(at("/events").route(get().to(events::index)))
        .service(at("/events/live").route(get().to(live::stream)))
        .service(at("/events/export").route(get().to(export::download)))
        .service(at("/events/rejections").route(get().to(rejections::index)))
        .service(at("/events/{id}").route(get().to(event::show)))
        .service(at("/events/{id}/body").route(get().to(event::body)))
        .service(at("/events/{id}/deletion").route(post().to(event::delete)));

    // Settings.
    config
        .service(at("/settings/integrations").route(get().to(webhooks::integrations)))
        .service(at("/settings/integrations/webhooks").route(get().to(webhooks::show)))
        .service(at("/settings/integrations/webhooks/credentials").route(post().to(credentials::create)))
        .service(
            web::scope("/settings/integrations/webhooks/credentials/{id}")
                .service(at("/rotation").route(post().to(credentials::rotate)))
                .service(at("/old-password-revocation").route(post().to(credentials::stop_old)))
                .service(at("/revocation").route(post().to(credentials::revoke)))
                .service(at("/disabling").route(post().to(credentials::disable)))
                .service(at("/enabling").route(post().to(credentials::enable)))
                .service(at("/name").route(post().to(credentials::rename)))
                .service(at("/test-event").route(post().to(credentials::test)))
                .default_service(web::to(errors::not_found)),
        )
        .service(at("/settings/account").route(get().to(account::show)))
        .service(at("/settings/account/password").route(post().to(account::change)))
        .service(at("/settings/sessions").route(get().to(sessions::index)))
        .service(at("/settings/sessions/{id}/revocation").route(post().to(sessions::revoke)))
        .service(at("/settings/audit").route(get().to(audit::index)));

    // Documentation.
    config
        .service(at("/docs/webhooks/quick-start").route(get().to(docs::quick_start)))
        .service(at("/docs/webhooks/api-reference").route(get().to(docs::api_reference)))
        .service(at("/docs/webhooks/advanced-usage").route(get().to(docs::advanced_usage)))
        .service(at("/docs/webhooks/errors").route(get().to(docs::errors)));
}
