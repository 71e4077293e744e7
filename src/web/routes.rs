//! The routes of every listener.
//!
//! `PAGES` and `OUTSIDE_PAGES` are every address of the program: what is registered, what `Allow` says, who may, and which form asks for
//! the account password again are read from there, and so do the tests.

use std::sync::LazyLock;

use actix_web::dev::{HttpServiceFactory, ResourceDef};
use actix_web::error::UrlencodedError;
use actix_web::web::{self, FormConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig, to};
use actix_web::{HttpResponse, Resource, Route, guard, middleware};

use crate::domain::api_token::Scope;
use crate::web::account::{
    alert_rules, alerts, api_token, api_tokens, audit, consumer, consumers, deletion, details, retention,
    second_factor, sessions,
};
use crate::web::api::caller::Needs;
use crate::web::api::errors::ApiError;
use crate::web::api::{
    account as api_account, alerts as api_alerts, answers, audit as api_audit, caller, changes,
    consumers as api_consumers, credentials as api_credentials, description, events as api_events, json_body, live,
    overview as api_overview, pulling, reference, rejections as api_rejections,
};
use crate::web::app_state::AppState;
use crate::web::confirm::{self, Question};
use crate::web::docs::{connect_pages, doc_pages};
use crate::web::errors::{self, PageError};
use crate::web::events::{
    comparison, completions, event, event_list, export, filtered_deletion, overview, rejection, rejections,
    saved_searches, selection,
};
use crate::web::live::stream;
use crate::web::middleware::{
    client_disconnect, compress, csrf, error_pages, form_keeping, host_names, timeout, visitors,
};
use crate::web::sign_in::{forgotten_password, mailed_link, set_up, sign_up, with_code, with_link, with_password};
use crate::web::webhooks::{credential_list, credential_page, credentials, holding, sender_settings};
use crate::web::{device, health, ingest, misdirected, session_cookie, static_files, theme};

/// The largest form, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// Who is let in. Handlers see to it by the extractor that they take; what a plan includes is their own question.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Who {
    Visitor,
    /// A visitor is sent to the sign-in page.
    Member,
}

/// Whether a form asks for the account password again where that was last given too long ago. Asked is before what lets somebody in,
/// what takes everything away, what loses more than a few events for good, and what opens, prolongs or hides access.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Password {
    Asked(Question),
    /// Where what is asked for needs it, as the sentence about the form says.
    AskedWhen(Question, &'static str),
    /// With the reason, as a sentence about the form.
    NotAsked(&'static str),
}

/// One method of one address.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct RouteEntry {
    /// `GET`, which is `HEAD` too, or `POST`.
    pub method: &'static str,
    /// As actix-web matches it, with `{id}` for what varies.
    pub path: &'static str,
    pub who: Who,
    pub password: Password,
    handler: fn() -> Route,
}

use Password::{Asked, AskedWhen, NotAsked};
use Who::{Member, Visitor};

/// Where events are posted to. Clients that put a base address and a path together often end up with one slash too many.
const ENDPOINT: [&str; 2] = ["/", "//"];

const EVENTS: &str = "/events";
const WEBHOOKS: &str = "/settings/integrations/webhooks";
const ACCOUNT: &str = "/settings/account";
const SESSIONS: &str = "/settings/sessions";
const STORED_EVENTS: &str = "/settings/events";
const TOKENS: &str = "/settings/api-tokens";

const fn get(path: &'static str, who: Who, handler: fn() -> Route) -> RouteEntry {
    RouteEntry { method: "GET", path, who, password: NotAsked("changes nothing"), handler }
}

const fn post(path: &'static str, who: Who, password: Password, handler: fn() -> Route) -> RouteEntry {
    RouteEntry { method: "POST", path, who, password, handler }
}

/// A page that is a file with all of something in it.
const fn download(path: &'static str, handler: fn() -> Route) -> RouteEntry {
    RouteEntry { method: "GET", path, who: Member, password: Asked(confirm::BEFORE_DOWNLOAD), handler }
}

/// What the button says, and where somebody goes who thinks better of it.
const fn asked(button: &'static str, cancel: &'static str) -> Password {
    Asked(Question { button, cancel })
}

/// The same, with a sentence about the form that says when.
const fn asked_when(button: &'static str, cancel: &'static str, when: &'static str) -> Password {
    AskedWhen(Question { button, cancel }, when)
}

/// What neither sessions nor the other middleware of pages are around.
pub const OUTSIDE_PAGES: &[RouteEntry] = &[
    get("/healthz", Visitor, || to(health::live)),
    get("/readyz", Visitor, || to(health::ready)),
    get("/static/{name}", Visitor, || to(static_files::show)),
    get("/favicon.ico", Visitor, || to(static_files::favicon)),
];

/// Every page and form. The routes of one address stand together.
#[rustfmt::skip] // A route a line.
pub const PAGES: &[RouteEntry] = &[
    get("/", Visitor, || to(set_up::door)),
    get("/setup", Visitor, || to(set_up::new)),
    post("/setup", Visitor, NotAsked("is how the password is given"), || to(set_up::create)),
    get("/login", Visitor, || to(with_password::new)),
    post("/login", Visitor, NotAsked("is how the password is given"), || to(with_password::create)),
    get("/login/code", Visitor, || to(with_code::new)),
    post("/login/code", Visitor, NotAsked("is the second step after giving the password"), || to(with_code::create)),
    get("/login/link", Visitor, || to(with_link::new)),
    post("/login/link", Visitor, NotAsked("is how somebody without the password signs in"), || to(with_link::create)),
    post("/logout", Visitor, NotAsked("takes away only what the browser may do"), || to(with_password::destroy)),
    get("/forgot-password", Visitor, || to(forgotten_password::new)),
    post("/forgot-password", Visitor, NotAsked("is for who has lost the password"), || to(forgotten_password::create)),
    get("/links/{id}", Visitor, || to(mailed_link::new)),
    post("/links/{id}", Visitor, NotAsked("is for who has a link that was mailed"), || to(mailed_link::create)),
    get("/signup", Visitor, || to(sign_up::new)),
    post("/signup", Visitor, NotAsked("is how the password is given"), || to(sign_up::create)),
    post("/theme", Visitor, NotAsked("is a matter of taste"), || to(theme::choose)),
    get("/events", Member, || to(event_list::index)),
    post("/events/columns", Member, NotAsked("changes how a list looks"), || to(event_list::choose_columns)),
    get("/events/completions", Member, || to(completions::index)),
    post("/events/searches", Member, NotAsked("changes nothing but a list of links"), || to(saved_searches::create)),
    post("/events/searches/{id}/deletion", Member, NotAsked("changes nothing but a list of links"), || to(saved_searches::delete)),
    get("/events/live", Member, || to(stream::show)),
    download("/events/export", || to(export::download)),
    get("/events/overview", Member, || to(overview::show)),
    get("/events/rejections", Member, || to(rejections::index)),
    download("/events/rejections/export", || to(rejections::download)),
    get("/events/rejections/{id}", Member, || to(rejection::show)),
    get("/events/deletion", Member, || to(filtered_deletion::show)),
    post("/events/deletion", Member, asked("Delete events", EVENTS), || to(filtered_deletion::create)),
    post("/events/deletion/cancellation", Member, NotAsked("keeps what would go"), || to(filtered_deletion::cancel)),
    get("/events/selection/deletion", Member, || to(selection::confirm_deletion)),
    post("/events/selection/deletion", Member, asked_when("Delete events", EVENTS, "brings it to more than 20 in 10 minutes"), || to(selection::delete)),
    get("/events/{id}", Member, || to(event::show)),
    get("/events/{id}/body", Member, || to(event::body)),
    get("/events/{id}/comparison", Member, || to(comparison::show)),
    post("/events/{id}/deletion", Member, asked_when("Delete event", EVENTS, "is one of more than 20 in 10 minutes"), || to(event::delete)),
    get("/settings", Member, || to(details::door)),
    get("/settings/integrations", Member, || to(credential_list::integrations)),
    get("/settings/integrations/webhooks", Member, || to(credential_list::show)),
    post("/settings/integrations/webhooks/credentials", Member, asked("Generate credential", WEBHOOKS), || to(credentials::create)),
    post("/settings/integrations/webhooks/credentials/{id}/rotation", Member, asked("Rotate password", WEBHOOKS), || to(credentials::rotate)),
    post("/settings/integrations/webhooks/credentials/{id}/old-password-revocation", Member, asked("Stop old password", WEBHOOKS), || to(credentials::stop_old)),
    post("/settings/integrations/webhooks/credentials/{id}/overlap-extension", Member, asked("Extend overlap", WEBHOOKS), || to(credentials::extend)),
    post("/settings/integrations/webhooks/credentials/{id}/expiry", Member, asked("Set expiry date", WEBHOOKS), || to(credentials::expire)),
    post("/settings/integrations/webhooks/credentials/{id}/revocation", Member, asked("Revoke credential", WEBHOOKS), || to(credentials::revoke)),
    post("/settings/integrations/webhooks/credentials/{id}/disabling", Member, asked("Disable credential", WEBHOOKS), || to(credentials::disable)),
    post("/settings/integrations/webhooks/credentials/{id}/enabling", Member, asked("Enable credential", WEBHOOKS), || to(credentials::enable)),
    post("/settings/integrations/webhooks/credentials/{id}/holding", Member, asked("Change holding", WEBHOOKS), || to(holding::switch)),
    get("/settings/integrations/webhooks/credentials/{id}/sender-settings", Member, || to(sender_settings::show)),
    post("/settings/integrations/webhooks/credentials/{id}/sender-settings", Member, asked_when("Save settings", WEBHOOKS, "lets events in from where they were refused"), || to(sender_settings::save)),
    post("/settings/integrations/webhooks/credentials/{id}/token-address", Member, asked("Generate token address", WEBHOOKS), || to(sender_settings::make_address)),
    post("/settings/integrations/webhooks/credentials/{id}/token-address-revocation", Member, NotAsked("takes away only what a sender may do, and is made anew"), || to(sender_settings::revoke_address)),
    post("/settings/integrations/webhooks/credentials/{id}/held-events/acceptance", Member, asked("Accept late events", WEBHOOKS), || to(holding::accept)),
    post("/settings/integrations/webhooks/credentials/{id}/held-events/discarding", Member, asked("Discard late events", WEBHOOKS), || to(holding::discard)),
    post("/settings/integrations/webhooks/credentials/{id}/name", Member, NotAsked("changes nothing for senders"), || to(credentials::rename)),
    post("/settings/integrations/webhooks/credentials/{id}/test-event", Member, NotAsked("changes nothing for senders"), || to(credentials::test)),
    get("/settings/integrations/webhooks/{id}", Member, || to(credential_page::show)),
    get("/settings/account", Member, || to(details::show)),
    post("/settings/account/name", Member, NotAsked("changes nothing but a word"), || to(details::rename)),
    post("/settings/account/email", Member, asked("Change email", ACCOUNT), || to(details::change_address)),
    post("/settings/account/email/confirmation", Member, NotAsked("sends a mail to the reader’s own address"), || to(details::send_confirmation)),
    post("/settings/account/password", Member, NotAsked("asks for the current password each time"), || to(details::change)),
    get("/settings/account/second-factor", Member, || to(second_factor::show)),
    post("/settings/account/second-factor", Member, asked("Turn on two-step sign-in", ACCOUNT), || to(second_factor::create)),
    post("/settings/account/second-factor/recovery-codes", Member, asked("Generate new recovery codes", ACCOUNT), || to(second_factor::renew_codes)),
    post("/settings/account/second-factor/removal", Member, NotAsked("asks for the password and a code each time"), || to(second_factor::destroy)),
    get("/settings/account/deletion", Member, || to(deletion::new)),
    post("/settings/account/deletion", Member, NotAsked("asks for the password each time"), || to(deletion::create)),
    post("/settings/confirmation", Member, Asked(confirm::BEFORE_DOWNLOAD), || to(confirm::create)),
    get("/settings/events", Member, || to(retention::show)),
    post("/settings/events/when-full", Member, asked("Save choice", STORED_EVENTS), || to(retention::choose)),
    get("/settings/sessions", Member, || to(sessions::index)),
    post("/settings/other-sessions/ending", Member, asked("Sign out all others", SESSIONS), || to(sessions::revoke_others)),
    post("/settings/sessions/{id}/revocation", Member, asked("Sign out", SESSIONS), || to(sessions::revoke)),
    get("/settings/api-tokens", Member, || to(api_tokens::index)),
    post("/settings/api-tokens", Member, asked("Create token", TOKENS), || to(api_tokens::create)),
    get("/settings/api-tokens/new", Member, || to(api_tokens::new)),
    get("/settings/api-tokens/{id}", Member, || to(api_token::show)),
    post("/settings/api-tokens/{id}/name", Member, NotAsked("changes nothing for programs"), || to(api_token::rename)),
    post("/settings/api-tokens/{id}/rotation", Member, asked("Rotate token", TOKENS), || to(api_token::rotate)),
    post("/settings/api-tokens/{id}/revocation", Member, asked("Revoke token", TOKENS), || to(api_token::revoke)),
    get("/settings/consumers", Member, || to(consumers::index)),
    post("/settings/consumers", Member, NotAsked("opens nothing: who reads needs an API token"), || to(consumers::create)),
    get("/settings/consumers/new", Member, || to(consumers::new)),
    get("/settings/consumers/{id}", Member, || to(consumer::show)),
    post("/settings/consumers/{id}/position", Member, NotAsked("deletes no events, and can be moved back"), || to(consumer::seek)),
    post("/settings/consumers/{id}/deletion", Member, NotAsked("deletes no events"), || to(consumer::delete)),
    get("/settings/alerts", Member, || to(alerts::index)),
    post("/settings/alerts/choice", Member, NotAsked("changes nothing but what is told"), || to(alerts::choose)),
    post("/settings/alerts/test", Member, NotAsked("sends a mail to the reader’s own address"), || to(alerts::test)),
    post("/settings/alerts/rules", Member, NotAsked("changes nothing but what is told"), || to(alert_rules::create)),
    get("/settings/alerts/rules/new", Member, || to(alert_rules::new)),
    post("/settings/alerts/rules/{id}/deletion", Member, NotAsked("changes nothing but what is told"), || to(alert_rules::delete)),
    post("/settings/alerts/{id}/acknowledgement", Member, NotAsked("changes nothing but what is told"), || to(alerts::acknowledge)),
    post("/settings/alerts/{id}/muting", Member, NotAsked("changes nothing but what is told"), || to(alerts::mute)),
    get("/settings/audit", Member, || to(audit::index)),
    download("/settings/audit/export", || to(audit::download)),
    get("/docs", Visitor, || to(doc_pages::door)),
    get("/docs/webhooks", Visitor, || to(doc_pages::door)),
    get("/docs/webhooks/quick-start", Visitor, || to(doc_pages::quick_start)),
    get("/docs/webhooks/connect", Visitor, || to(connect_pages::connect)),
    get("/docs/webhooks/connect-code", Visitor, || to(connect_pages::code)),
    get("/docs/webhooks/connect-monitoring", Visitor, || to(connect_pages::monitoring)),
    get("/docs/webhooks/connect-automation", Visitor, || to(connect_pages::automation)),
    get("/docs/webhooks/connect-services", Visitor, || to(connect_pages::services)),
    get("/docs/webhooks/api-reference", Visitor, || to(doc_pages::api_reference)),
    get("/docs/webhooks/advanced-usage", Visitor, || to(doc_pages::advanced_usage)),
    get("/docs/webhooks/search", Visitor, || to(doc_pages::search)),
    get("/docs/webhooks/api", Visitor, || to(reference::show)),
    get("/docs/webhooks/errors", Visitor, || to(doc_pages::errors)),
    get("/docs/webhooks/operations", Visitor, || to(doc_pages::operations)),
];

/// One method of one address of the API.
#[derive(Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct ApiEntry {
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
    handler: fn() -> Route,
}

const fn api(method: &'static str, path: &'static str, needs: Needs, handler: fn() -> Route) -> ApiEntry {
    ApiEntry { method, path, needs, handler }
}

use Needs::{Scope as Scoped, ScopeOften, ScopeToEnd, ScopesToWait};
use Scope::{AuditRead, ConsumersWrite, CredentialsRead, CredentialsWrite, EventsDelete, EventsRead, RejectionsRead};

/// What programs ask with an API token. The routes of one address stand together.
#[rustfmt::skip] // A route a line.
pub const API: &[ApiEntry] = &[
    api("GET", "/api/v1/openapi.json", Needs::Nothing, || to(description::describe)),
    api("GET", "/api/v1/self", Needs::TokenOrSender, || to(api_account::show_self)),
    api("GET", "/api/v1/account", Needs::Token, || to(api_account::show)),
    api("GET", "/api/v1/events", Scoped(EventsRead), || to(api_events::index)),
    api("GET", "/api/v1/events/export", Scoped(EventsRead), || to(api_events::export)),
    api("GET", "/api/v1/events/live", Scoped(EventsRead), || to(live::show)),
    api("GET", "/api/v1/events/{id}", Scoped(EventsRead), || to(api_events::show)),
    api("DELETE", "/api/v1/events/{id}", Scoped(EventsDelete), || to(api_events::delete)),
    api("GET", "/api/v1/events/{id}/body", Scoped(EventsRead), || to(api_events::body)),
    api("GET", "/api/v1/rejections", Scoped(RejectionsRead), || to(api_rejections::index)),
    api("GET", "/api/v1/overview", Scoped(EventsRead), || to(api_overview::show)),
    api("GET", "/api/v1/audit", Scoped(AuditRead), || to(api_audit::index)),
    api("GET", "/api/v1/alerts", Scoped(CredentialsRead), || to(api_alerts::index)),
    api("GET", "/api/v1/credentials", Scoped(CredentialsRead), || to(api_credentials::index)),
    api("POST", "/api/v1/credentials", Scoped(CredentialsWrite), || to(api_credentials::create)),
    api("GET", "/api/v1/credentials/{id}", Scoped(CredentialsRead), || to(api_credentials::show)),
    api("PATCH", "/api/v1/credentials/{id}", ScopeToEnd(CredentialsWrite), || to(changes::change)),
    api("GET", "/api/v1/credentials/{id}/passwords", Scoped(CredentialsRead), || to(api_credentials::passwords)),
    api("POST", "/api/v1/credentials/{id}/rotation", Scoped(CredentialsWrite), || to(api_credentials::rotate)),
    api("POST", "/api/v1/credentials/{id}/old-password-revocation", ScopeToEnd(CredentialsWrite), || to(api_credentials::stop_old)),
    api("POST", "/api/v1/credentials/{id}/revocation", ScopeToEnd(CredentialsWrite), || to(api_credentials::revoke)),
    api("GET", "/api/v1/consumers", Scoped(ConsumersWrite), || to(api_consumers::index)),
    api("POST", "/api/v1/consumers", Scoped(ConsumersWrite), || to(api_consumers::create)),
    api("GET", "/api/v1/consumers/{id}", Scoped(ConsumersWrite), || to(api_consumers::show)),
    api("DELETE", "/api/v1/consumers/{id}", Scoped(ConsumersWrite), || to(api_consumers::delete)),
    api("GET", "/api/v1/consumers/{id}/events", ScopesToWait(ConsumersWrite, EventsRead), || to(pulling::events)),
    api("POST", "/api/v1/consumers/{id}/ack", ScopeOften(ConsumersWrite), || to(api_consumers::ack)),
    api("POST", "/api/v1/consumers/{id}/seek", Scoped(ConsumersWrite), || to(api_consumers::seek)),
];

/// The public listener: ingest, pages, health.
pub(crate) fn public(config: &mut ServiceConfig, state: &web::Data<AppState>) {
    config.configure(too_long).configure(ingest_at_root);
    register(config, OUTSIDE_PAGES);
    config.service(api_scope());
    // Sessions and the origin check wrap the pages alone: ingest must not depend on either.
    let pages = web::scope("")
        .wrap(middleware::from_fn(error_pages::layer))
        .wrap(middleware::from_fn(visitors::layer))
        .wrap(middleware::from_fn(session_cookie::note_remembered))
        .wrap(session_cookie::layer(state))
        .wrap(middleware::from_fn(session_cookie::keep_cookie))
        .wrap(middleware::from_fn(device::layer))
        .wrap(middleware::from_fn(session_cookie::optional_for_docs))
        .wrap(middleware::from_fn(host_names::layer))
        .wrap(middleware::from_fn(|request, next| form_keeping::layer((page_of, MAX_FORM_BYTES), request, next)))
        .wrap(middleware::from_fn(csrf::layer))
        .wrap(middleware::from_fn(timeout::layer))
        .wrap(middleware::from_fn(compress::layer))
        .wrap(middleware::from_fn(client_disconnect::layer))
        .configure(extractors)
        .configure(|config| register(config, PAGES))
        .default_service(to(errors::not_found));
    config.service(pages);
    // What names no path at all, as `*` does, is no page.
    config.default_service(to(misdirected::not_found));
}

/// The API: neither sessions nor cookies nor redirects are around it.
fn api_scope() -> impl HttpServiceFactory {
    let scope = web::scope(API_PREFIX)
        .wrap(middleware::from_fn(answers::layer))
        .wrap(middleware::from_fn(client_disconnect::layer))
        .app_data(PayloadConfig::new(json_body::MAX_BODY_BYTES))
        .app_data(QueryConfig::default().error_handler(|error, _| ApiError::query(error).into()))
        .app_data(PathConfig::default().error_handler(|_, _| ApiError::NotFound.into()))
        .default_service(to(answers::not_found));
    API.chunk_by(|a, b| a.path == b.path).fold(scope, |scope, entries| {
        let path = entries[0].path.trim_start_matches(API_PREFIX);
        let allow: Vec<&str> =
            entries.iter().map(|entry| if entry.method == "GET" { "GET, HEAD" } else { entry.method }).collect();
        let allow = allow.join(", ");
        let resource = web::resource(path).default_service(to(move || {
            let allow = allow.clone();
            async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allow }) }
        }));
        scope.service(entries.iter().fold(resource, |resource, entry| resource.route(api_route(entry))))
    })
}

const API_PREFIX: &str = "/api/v1";

fn api_route(entry: &'static ApiEntry) -> Route {
    let route = (entry.handler)();
    let route = match entry.method {
        "GET" => route.guard(guard::Any(guard::Get()).or(guard::Head())),
        "PATCH" => route.guard(guard::Patch()),
        "DELETE" => route.guard(guard::Delete()),
        _ => route.guard(guard::Post()),
    };
    route.wrap(middleware::from_fn(move |request, next| caller::layer(entry.needs, request, next)))
}

/// The second listener: ingest and nothing else.
pub(crate) fn ingest_only(config: &mut ServiceConfig) {
    config.configure(too_long).service(endpoint()).service(token_address()).default_service(to(misdirected::not_found));
}

/// The page that a form stands on, or the nearest above it. An address with more parts than any of ours is of no page.
fn page_of(form: &str) -> String {
    let is_page = |path: &str| {
        // A path of its own comes before a pattern that it fits.
        let mut own = PAGES.iter().filter(|route| route.path == path).peekable();
        match own.peek() {
            Some(_) => own.any(|route| route.method == "GET"),
            None => PAGE_PATTERNS.iter().any(|pattern| pattern.is_match(path)),
        }
    };
    if form.len() > MAX_FORM_PATH_BYTES {
        return "/".to_owned();
    }
    let above = std::iter::successors(Some(form), |path| path.rsplit_once('/').map(|(above, _)| above));
    above.take(MAX_FORM_PARTS).take_while(|path| !path.is_empty()).find(|path| is_page(path)).unwrap_or("/").to_owned()
}

/// No form of ours has a longer path, or one of more parts.
const MAX_FORM_PATH_BYTES: usize = 512;
const MAX_FORM_PARTS: usize = 12;
static PAGE_PATTERNS: LazyLock<Vec<ResourceDef>> = LazyLock::new(|| {
    PAGES.iter().filter(|route| route.method == "GET").map(|route| ResourceDef::new(route.path)).collect()
});

/// `POST /`, and whatever else a sender tries there. `GET /` of a browser leads to the pages.
fn ingest_at_root(config: &mut ServiceConfig) {
    config.service(endpoint().guard(guard::fn_guard(misdirected::is_from_sender))).service(token_address());
}

/// Whether PUT is as good as POST is up to the credential.
fn endpoint() -> Resource {
    receiving(web::resource(ENDPOINT))
}

/// The address of a sender that has its secret there.
fn token_address() -> Resource {
    receiving(web::resource("/in/{token}"))
}

fn receiving(resource: Resource) -> Resource {
    resource
        .route(web::post().to(ingest::receive))
        .route(web::put().to(ingest::receive))
        .default_service(to(misdirected::method_not_allowed))
}

/// Before everything else: whatever has an address that is too long to be looked at.
fn too_long(config: &mut ServiceConfig) {
    config.service(
        web::resource("/{rest:.*}")
            .guard(guard::fn_guard(misdirected::has_too_long_an_address))
            .default_service(to(misdirected::uri_too_long)),
    );
}

/// How pages take forms, queries and paths apart.
fn extractors(config: &mut ServiceConfig) {
    config
        .app_data(FormConfig::default().limit(MAX_FORM_BYTES).error_handler(|error, _| {
            let too_large = matches!(error, UrlencodedError::Overflow { .. });
            if too_large { PageError::TooLarge.into() } else { PageError::BadRequest(error.to_string()).into() }
        }))
        .app_data(PayloadConfig::new(MAX_FORM_BYTES))
        .app_data(QueryConfig::default().error_handler(|error, _| PageError::BadRequest(error.to_string()).into()))
        .app_data(PathConfig::default().error_handler(|_, _| PageError::NotFound.into()));
}

/// Registers a table, in its order: the first address that matches is the one.
fn register(config: &mut ServiceConfig, table: &'static [RouteEntry]) {
    for routes in table.chunk_by(|a, b| a.path == b.path) {
        config.service(routes.iter().fold(resource(routes), |resource, entry| resource.route(route(entry))));
    }
}

/// An address, and what it says to a method that it does not take (RFC 9110, section 15.5.6).
fn resource(routes: &[RouteEntry]) -> Resource {
    let methods: Vec<&str> =
        routes.iter().map(|entry| if entry.method == "GET" { "GET, HEAD" } else { entry.method }).collect();
    let allow = methods.join(", ");
    web::resource(routes[0].path).default_service(to(move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(PageError::MethodNotAllowed { allow }) }
    }))
}

fn route(entry: &'static RouteEntry) -> Route {
    let route = (entry.handler)();
    let route = match entry.method {
        "GET" => route.guard(guard::Any(guard::Get()).or(guard::Head())),
        _ => route.guard(guard::Post()),
    };
    match entry.password {
        Asked(question) => {
            route.wrap(middleware::from_fn(move |request, next| confirm::layer(question, request, next)))
        }
        AskedWhen(question, _) => {
            route.wrap(middleware::from_fn(move |request, next| confirm::layer_on_demand(question, request, next)))
        }
        NotAsked(_) => route,
    }
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn a_form_stands_on_the_nearest_page_above_it() {
        for (form, page) in [
            ("/events/columns", "/events"),
            ("/events/019a8f3c-5d21-7c44-9a55-0123456789ab/deletion", "/events/019a8f3c-5d21-7c44-9a55-0123456789ab"),
            ("/settings/integrations/webhooks/credentials", "/settings/integrations/webhooks"),
            ("/login", "/login"),
            ("/nowhere", "/"),
        ] {
            assert_eq!(page_of(form), page);
        }
        // Whoever asks for an address of many parts is not to cost more than others.
        assert_eq!(page_of(&"/a".repeat(100)), "/");
        assert_eq!(page_of(&format!("/events/{}", "a".repeat(10_000))), "/");
    }
}
