//! Who may see and do what: every route for a visitor, for another account, and for an account on Free. A route that is missing
//! from the table fails the test.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use reasoner_webhooks::web::routes::{PAGES, Who};

use crate::support::actors::{Person, WEBHOOKS};
use crate::support::authenticator::Authenticator;
use crate::support::belongings::belongings;
use crate::support::routes::routes;
use crate::support::server::TestServer;

/// What comes back for somebody.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// A page or a file.
    Page,
    /// On to another page, as after signing in or a change.
    Onward,
    /// To the sign-in page.
    SignIn,
    NotFound,
    /// Not on this plan.
    Forbidden,
    /// The form is incomplete, and nothing else is wrong with the request.
    Invalid,
    /// Not for people: credentials are missing.
    Unauthorized,
}

use Answer::{Forbidden, Invalid, NotFound, Onward, Page, SignIn, Unauthorized};

struct Route {
    method: &'static str,
    /// With the id of something of Alice's where one belongs.
    path: &'static str,
    visitor: Answer,
    /// Bob, on Pro, with Alice's ids.
    stranger: Answer,
    /// Alice herself, on Free.
    free: Answer,
}

const fn route(method: &'static str, path: &'static str, visitor: Answer, stranger: Answer, free: Answer) -> Route {
    Route { method, path, visitor, stranger, free }
}

/// `{event}`, `{credential}`, `{rejection}`, `{search}` and `{session}` are Alice's.
const ROUTES: &[Route] = &[
    route("POST", "/", Unauthorized, Unauthorized, Unauthorized),
    route("GET", "/", Onward, Onward, Onward),
    route("GET", "/healthz", Page, Page, Page),
    route("GET", "/readyz", Page, Page, Page),
    route("GET", "/favicon.ico", Onward, Onward, Onward),
    route("GET", "/static/{asset}", Page, Page, Page),
    route("GET", "/setup", NotFound, NotFound, NotFound),
    route("POST", "/setup", NotFound, NotFound, NotFound),
    route("GET", "/login", Page, Onward, Onward),
    route("POST", "/login", Invalid, Invalid, Invalid),
    route("GET", "/login/code", SignIn, Onward, Onward),
    route("POST", "/login/code", SignIn, Onward, Onward),
    route("GET", "/forgot-password", NotFound, NotFound, NotFound),
    route("POST", "/forgot-password", NotFound, NotFound, NotFound),
    route("GET", "/links/{purpose}", NotFound, NotFound, NotFound),
    route("POST", "/links/{purpose}", NotFound, NotFound, NotFound),
    route("GET", "/signup", NotFound, NotFound, NotFound),
    route("POST", "/signup", NotFound, NotFound, NotFound),
    route("POST", "/theme", Onward, Onward, Onward),
    route("GET", "/events", SignIn, Page, Page),
    route("GET", "/events/live", SignIn, Page, Page),
    route("GET", "/events/export", SignIn, Page, Page),
    route("GET", "/events/overview", SignIn, Page, Page),
    route("GET", "/events/rejections", SignIn, Page, Page),
    route("GET", "/events/deletion", SignIn, Page, Page),
    route("POST", "/events/deletion", SignIn, Invalid, Invalid),
    route("POST", "/events/deletion/cancellation", SignIn, Onward, Onward),
    route("GET", "/events/selection/deletion", SignIn, Onward, Onward),
    route("POST", "/events/selection/deletion", SignIn, Onward, Onward),
    route("GET", "/events/{event}", SignIn, NotFound, Page),
    route("GET", "/events/{event}/body", SignIn, NotFound, Page),
    route("GET", "/events/{event}/comparison", SignIn, NotFound, Page),
    route("GET", "/settings", SignIn, Onward, Onward),
    route("GET", "/settings/integrations", SignIn, Page, Page),
    route("GET", "/settings/integrations/webhooks", SignIn, Page, Page),
    route("GET", "/settings/integrations/webhooks/{credential}", SignIn, NotFound, Onward),
    route("POST", "/settings/integrations/webhooks/credentials", SignIn, Invalid, Forbidden),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/rotation", SignIn, NotFound, Forbidden),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/old-password-revocation",
        SignIn,
        NotFound,
        Onward,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/overlap-extension",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/disabling", SignIn, NotFound, Onward),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/enabling", SignIn, NotFound, Forbidden),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/expiry", SignIn, NotFound, Forbidden),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/holding", SignIn, NotFound, Forbidden),
    route(
        "GET",
        "/settings/integrations/webhooks/credentials/{credential}/sender-settings",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/sender-settings",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/token-address",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/token-address-revocation",
        SignIn,
        NotFound,
        Onward,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/held-events/acceptance",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route(
        "POST",
        "/settings/integrations/webhooks/credentials/{credential}/held-events/discarding",
        SignIn,
        NotFound,
        Forbidden,
    ),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/name", SignIn, NotFound, Forbidden),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/test-event", SignIn, NotFound, Forbidden),
    route("POST", "/settings/integrations/webhooks/credentials/{credential}/revocation", SignIn, NotFound, Onward),
    route("GET", "/settings/account", SignIn, Page, Page),
    route("POST", "/settings/account/name", SignIn, Invalid, Invalid),
    route("POST", "/settings/account/email", SignIn, Invalid, Invalid),
    route("POST", "/settings/account/email/confirmation", SignIn, NotFound, NotFound),
    route("POST", "/settings/account/password", SignIn, Invalid, Invalid),
    route("GET", "/settings/account/second-factor", SignIn, Page, Page),
    route("POST", "/settings/account/second-factor", SignIn, Invalid, Invalid),
    route("POST", "/settings/account/second-factor/recovery-codes", SignIn, Onward, Onward),
    route("POST", "/settings/account/second-factor/removal", SignIn, Onward, Onward),
    route("GET", "/settings/account/deletion", SignIn, Page, Page),
    route("POST", "/settings/account/deletion", SignIn, Invalid, Invalid),
    route("POST", "/settings/confirmation", SignIn, Onward, Onward),
    route("GET", "/settings/events", SignIn, Page, Page),
    route("POST", "/settings/events/when-full", SignIn, Invalid, Invalid),
    route("POST", "/events/columns", SignIn, Onward, Onward),
    route("GET", "/events/rejections/export", SignIn, Page, Page),
    route("GET", "/events/rejections/{rejection}", SignIn, NotFound, Page),
    route("GET", "/events/completions", SignIn, Page, Page),
    route("POST", "/events/searches", SignIn, Invalid, Invalid),
    route("POST", "/events/searches/{search}/deletion", SignIn, NotFound, Onward),
    route("GET", "/settings/sessions", SignIn, Page, Page),
    route("POST", "/settings/sessions/{session}/revocation", SignIn, NotFound, NotFound),
    route("POST", "/settings/other-sessions/ending", SignIn, Onward, Onward),
    route("GET", "/settings/api-tokens", SignIn, Page, Page),
    route("POST", "/settings/api-tokens", SignIn, Invalid, Invalid),
    route("GET", "/settings/api-tokens/new", SignIn, Page, Page),
    route("GET", "/settings/api-tokens/{api-token}", SignIn, NotFound, Page),
    route("POST", "/settings/api-tokens/{api-token}/name", SignIn, NotFound, Invalid),
    route("POST", "/settings/api-tokens/{api-token}/rotation", SignIn, NotFound, Page),
    route("POST", "/settings/api-tokens/{api-token}/revocation", SignIn, NotFound, Onward),
    route("GET", "/settings/consumers", SignIn, Page, Page),
    route("POST", "/settings/consumers", SignIn, Invalid, Forbidden),
    route("GET", "/settings/consumers/new", SignIn, Page, Page),
    route("GET", "/settings/consumers/{consumer}", SignIn, NotFound, Page),
    route("POST", "/settings/consumers/{consumer}/position", SignIn, NotFound, Invalid),
    route("POST", "/settings/consumers/{consumer}/deletion", SignIn, NotFound, Onward),
    route("GET", "/settings/alerts", SignIn, Page, Page),
    route("POST", "/settings/alerts/test", SignIn, Onward, Onward),
    route("GET", "/settings/alerts/rules/new", SignIn, Page, Page),
    route("POST", "/settings/alerts/rules", SignIn, Invalid, Forbidden),
    route("POST", "/settings/alerts/{alert}/acknowledgement", SignIn, NotFound, Onward),
    route("POST", "/settings/alerts/{alert}/muting", SignIn, NotFound, Onward),
    route("POST", "/settings/alerts/rules/{rule}/deletion", SignIn, NotFound, Onward),
    route("POST", "/settings/alerts/choice", SignIn, Onward, Onward),
    route("GET", "/settings/audit", SignIn, Page, Page),
    route("GET", "/settings/audit/export", SignIn, Page, Page),
    route("GET", "/docs", Onward, Onward, Onward),
    route("GET", "/docs/webhooks", Onward, Onward, Onward),
    route("GET", "/docs/webhooks/quick-start", Page, Page, Page),
    route("GET", "/docs/webhooks/connect", Page, Page, Page),
    route("GET", "/docs/webhooks/connect-code", Page, Page, Page),
    route("GET", "/docs/webhooks/connect-monitoring", Page, Page, Page),
    route("GET", "/docs/webhooks/connect-automation", Page, Page, Page),
    route("GET", "/docs/webhooks/connect-services", Page, Page, Page),
    route("GET", "/docs/webhooks/api-reference", Page, Page, Page),
    route("GET", "/docs/webhooks/advanced-usage", Page, Page, Page),
    route("GET", "/docs/webhooks/search", Page, Page, Page),
    route("GET", "/docs/webhooks/api", Page, Page, Page),
    route("GET", "/docs/webhooks/errors", Page, Page, Page),
    route("GET", "/docs/webhooks/operations", Page, Page, Page),
    // What changes Alice's things comes last.
    route("POST", "/events/{event}/deletion", SignIn, NotFound, Onward),
    route("GET", "/login/link", Page, Onward, Onward),
    route("POST", "/login/link", Invalid, Invalid, Invalid),
    route("POST", "/logout", Onward, Onward, Onward),
];

/// The addresses of pages that Alice sees, as they stand in the table. That of an API token is looked at beside its tests.
pub fn pages() -> impl Iterator<Item = &'static str> {
    let paths = ROUTES.iter().filter(|route| route.method == "GET" && route.free == Page).map(|route| route.path);
    paths.filter(|path| !path.contains("{api-token}") && !path.contains("{consumer}"))
}

/// What a form is sent with: complete enough to be read, not enough to be accepted.
fn fields_of(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/login" => &[("email", "nobody@example.com"), ("password", "wrong")],
        "/setup" | "/signup" => &[("email", "x@example.com"), ("password", "short")],
        "/forgot-password" => &[("email", "nobody@example.com")],
        "/login/code" => &[("code", "000000")],
        "/settings/account/second-factor" => &[("sealed", "x"), ("code", "000000")],
        "/settings/account/second-factor/removal" => &[("current_password", "x"), ("code", "000000")],
        "/theme" => &[("theme", "dark")],
        path if path.ends_with("/holding") => &[("holding", "off")],
        "/settings/account/name" => &[("name", "")],
        "/settings/account/email" => &[("email", "")],
        "/settings/account/deletion" => &[("email", "x@example.com"), ("current_password", "x")],
        "/settings/account/password" => &[("current_password", "x"), ("new_password", "short")],
        _ => &[],
    }
}

async fn ask(person: &Person, route: &Route, path: &str) -> Answer {
    let answer = match route.method {
        "GET" => person.get(path).await,
        _ => person.post(path, fields_of(route.path)).await,
    };
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    match (answer.status().as_u16(), location) {
        (200, _) => Page,
        (303, Some(location))
            if location.starts_with("/login?")
                || (location == "/login" && route.path != "/" && route.path != "/logout") =>
        {
            SignIn
        }
        (303 | 308, _) => Onward,
        (401, _) => Unauthorized,
        // A form is kept while its sender signs in.
        (403, _) if answer.text().await.unwrap().contains("<h1>You’re signed out</h1>") => SignIn,
        (403, _) => Forbidden,
        (404, _) => NotFound,
        (422, _) => Invalid,
        (other, _) => panic!("{} {path} answers {other}", route.method),
    }
}

// holds W9, W5, C13
#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_for_whom_it_is_for() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store(r#"{"alice":"secret"}"#).await;
    let credential = alice.credential_id(&sender.username).await;
    let other = server.visitor();
    other.post("/login", &[("email", "alice@example.com"), ("password", crate::support::server::PASSWORD)]).await;
    let page = other.page("/settings/sessions").await;
    let session = crate::support::actors::between(&page, "/settings/sessions/", "/").to_owned();
    alice.post("/events/searches", &[("name", "Mine"), ("q", "alice")]).await;
    let search = server.query("select id::text from saved_searches").await[0][0].clone().unwrap();
    assert_eq!(sender.with_password("wrong").status().await, 401);
    server.eventually("select count(*) from rejections", 1).await;
    let rejection = server.query("select id::text from rejections").await[0][0].clone().unwrap();
    let login = alice.visitor_page(&server).await;
    let asset = crate::support::actors::between(&login, "/static/app.", "\"").to_owned();

    let grant = [("name", "Nightly export"), ("scope", "events:read"), ("lifetime", "90")];
    assert_eq!(alice.post("/settings/api-tokens", &grant).await.status(), 200);
    let token = server.query("select id::text from api_tokens").await[0][0].clone().unwrap();

    assert_eq!(alice.post("/settings/consumers", &[("name", "Import"), ("start", "now")]).await.status(), 303);
    let consumer = server.query("select id::text from consumers").await[0][0].clone().unwrap();

    let watched = [("kind", "silence"), ("subject", credential.as_str()), ("minutes", "60"), ("weekday", "mon")];
    assert_eq!(alice.post("/settings/alerts/rules", &watched).await.status(), 303);
    let rule = server.query("select id::text from alert_rules").await[0][0].clone().unwrap();
    server.query(FIRING).await;
    let alert = server.query("select id::text from alerts").await[0][0].clone().unwrap();

    let fill = |path: &str| {
        path.replace("{event}", &event)
            .replace("{rule}", &rule)
            .replace("{alert}", &alert)
            .replace("{consumer}", &consumer)
            .replace("{api-token}", &token)
            .replace("{credential}", &credential)
            .replace("{session}", &session)
            .replace("{search}", &search)
            .replace("{rejection}", &rejection)
            .replace("{asset}", &format!("app.{asset}"))
    };
    for route in ROUTES {
        let path = fill(route.path);
        assert_eq!(ask(&server.visitor(), route, &path).await, route.visitor, "visitor: {} {path}", route.method);
        assert_eq!(ask(&bob, route, &path).await, route.stranger, "stranger: {} {path}", route.method);
        if route.path == "/logout" {
            break;
        }
    }
    let name = server.query("select name from credentials").await;
    assert_eq!(name[0][0].as_deref(), Some("System 1"), "nobody changed what is Alice's");
    let live = "select count(*) from credential_secrets s join credentials c on c.id = s.credential_id \
         where s.revoked_at is null and c.disabled_at is null";
    assert_eq!(server.number(live).await, 1, "nobody ended what is Alice's");
    server.change_plan("alice@example.com", "free").await;
    for route in ROUTES {
        let path = fill(route.path);
        // Alice's own session is hers to end; it is tried with an id of nobody's.
        let path = path.replace(&session, "019ab000-0000-7000-8000-000000000000");
        assert_eq!(ask(&alice, route, &path).await, route.free, "Free: {} {path}", route.method);
    }
    assert_eq!(server.number(live).await, 0, "on Free she could still end it");
}

/// The rule of a credential has come true.
const FIRING: &str = "insert into alerts (id, account_id, kind, subject_id, name, state, level, since, facts) \
     select gen_random_uuid(), account_id, kind, subject_id, 'System 1', 'firing', 1, now(), \
     '{\"kind\":\"silence\",\"minutes\":60,\"last_event_at\":null}' from alert_rules";

// holds C8, C13
#[tokio::test(flavor = "multi_thread")]
async fn a_free_account_ends_what_it_has_and_gets_nothing_new() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (kept, leaked) = (server.sender(&alice).await, server.sender(&alice).await);
    let id = alice.credential_id(&leaked.username).await;
    let kept_id = alice.credential_id(&kept.username).await;
    server.change_plan("alice@example.com", "free").await;
    let page = alice.page(WEBHOOKS).await;
    assert!(page.contains(&format!("/credentials/{id}/revocation")) && page.contains(&format!("/{kept_id}/disabling")));
    assert!(!page.contains("/enabling") && !page.contains("?rotate="));
    let answer = alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    let page = alice.page(answer.headers()["location"].to_str().unwrap()).await;
    assert!(page.contains("System 2 is revoked.") && !page.contains(&leaked.username));
    alice.post(&format!("{WEBHOOKS}/credentials/{kept_id}/disabling"), &[]).await;
    assert_eq!(alice.post(&format!("{WEBHOOKS}/credentials/{kept_id}/enabling"), &[]).await.status(), 403);
    server.change_plan("alice@example.com", "pro").await;
    assert_eq!((leaked.status().await, kept.status().await), (401, 401));
    alice.post(&format!("{WEBHOOKS}/credentials/{kept_id}/enabling"), &[]).await;
    assert_eq!((leaked.status().await, kept.status().await), (401, 200));
}

// holds W1, W9
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_has_yet_to_give_a_code_is_a_visitor_on_every_other_page() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store("1").await;
    let credential = alice.credential_id(&sender.username).await;
    Authenticator::enrol(&server, &alice).await;
    let visitor_page = alice.visitor_page(&server).await;
    let asset = crate::support::actors::between(&visitor_page, "/static/app.", "\"").to_owned();
    let session = server.query("select id::text from sessions").await[0][0].clone().unwrap();
    let mut tried = 0;
    for route in ROUTES {
        let path = route.path.replace("{event}", &event).replace("{credential}", &credential);
        let path = path.replace("{session}", &session).replace("{asset}", &format!("app.{asset}"));
        // As often as one may sign in.
        server.pass(SignedDuration::from_secs(10));
        let pending = server.visitor();
        let form = [("email", "alice@example.com"), ("password", crate::support::server::PASSWORD)];
        assert_eq!(pending.post("/login", &form).await.headers()["location"], "/login/code");
        let expected = match (route.method, route.path) {
            ("GET", "/login/code") => Page,
            ("POST", "/login/code") => Invalid,
            _ => route.visitor,
        };
        assert_eq!(ask(&pending, route, &path).await, expected, "{} {path}", route.method);
        tried += 1;
    }
    assert_eq!(tried, ROUTES.len());
    let touched = "select count(*) from audit_log where actor = 'user' and action not in ('signed_in', \
                   'credential_created', 'second_factor_turned_on', 'password_first_used')";
    assert_eq!(server.number(touched).await, 0, "nothing was done in her name");
}

// holds W10, C13
#[tokio::test(flavor = "multi_thread")]
async fn no_form_changes_a_plan() {
    let server = TestServer::start_with(|options| options.signup = "open".to_owned()).await;
    let alice = server.free("alice@example.com").await;
    let password = crate::support::server::PASSWORD;
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| route.method == "POST" && route.path != "/logout") {
        let path = ["{event}", "{credential}", "{rejection}", "{search}", "{session}"]
            .iter()
            .fold(route.path.to_owned(), |path, id| path.replace(id, "019ab000-0000-7000-8000-000000000000"));
        for person in [&alice, &server.visitor()] {
            let fields = match route.path {
                "/signup" => &[("email", "eve@example.com"), ("password", password)],
                other => fields_of(other),
            };
            for plan in [&[("plan", "pro")][..], &[("account[plan]", "pro"), ("plan", "pro"), ("is_pro", "true")]] {
                let answer = person.post(&path, &[fields, plan].concat()).await;
                assert!(answer.status().as_u16() < 500, "{path} answers {}", answer.status());
                assert_eq!(server.number("select count(*) from accounts where plan = 'pro'").await, 0, "{path}");
            }
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried} forms");
    assert_eq!(server.number("select count(*) from audit_log where action = 'plan_changed'").await, 0);
}

// holds W4, W5
#[tokio::test(flavor = "multi_thread")]
async fn neither_another_site_nor_any_get_changes_a_thing_on_any_route() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store("1").await;
    let credential = alice.credential_id(&sender.username).await;
    let session = server.query("select id::text from sessions").await[0][0].clone().unwrap();
    let before = belongings(&server).await;
    for route in ROUTES {
        let path = route.path.replace("{event}", &event).replace("{credential}", &credential);
        let path = path.replace("{session}", &session).replace("{asset}", "nothing.css");
        if route.method == "GET" {
            alice.get(&path).await;
        } else if route.path != "/" {
            for state in ["cross-site", "same-site"] {
                let complete = [fields_of(route.path), &[("confirmation", "System 1"), ("overlap", "now")]].concat();
                assert_eq!(alice.post_from(state, &path, &complete).await.status(), 403, "{state} {path}");
            }
            // No field is the contract's for most of these, so none is needed; and it says so of a stranger's as well.
            let bare = alice.client.post(format!("{}{path}", server.url)).header("Sec-Fetch-Site", "cross-site");
            assert_eq!(bare.send().await.unwrap().status(), 403, "{path}");
        }
        assert_eq!(belongings(&server).await, before, "{} {path}", route.method);
    }
}

// holds W9
#[tokio::test(flavor = "multi_thread")]
async fn an_act_without_fields_needs_no_body_and_a_foreign_id_is_404_all_the_same() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let bare = async |person: &Person, act: &str| {
        let path = format!("{}{WEBHOOKS}/credentials/{id}/{act}", server.url);
        person.client.post(path).header("Sec-Fetch-Site", "same-origin").send().await.unwrap().status().as_u16()
    };
    for (act, own) in
        [("test-event", 303), ("disabling", 303), ("enabling", 303), ("rotation", 200), ("revocation", 303)]
    {
        assert_eq!(bare(&bob, act).await, 404, "{act}");
        assert_eq!(bare(&alice, act).await, own, "{act}");
    }
    assert_eq!(sender.status().await, 401);
}

/// The table here and that of the program name the same routes, and agree on whom they let in.
#[test]
fn every_route_of_the_program_stands_in_the_table() {
    let generic = |path: &str| {
        [
            "{event}",
            "{credential}",
            "{rejection}",
            "{search}",
            "{session}",
            "{api-token}",
            "{consumer}",
            "{purpose}",
            "{alert}",
            "{rule}",
        ]
        .iter()
        .fold(path.replace("{asset}", "{name}"), |path, id| path.replace(id, "{id}"))
    };
    let here: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, generic(route.path))).collect();
    let programs: BTreeSet<_> = routes().into_iter().collect();
    assert_eq!(here, programs, "say in tests/http/access.rs who may use a new route");
    for route in ROUTES {
        let entry = PAGES.iter().find(|entry| (entry.method, entry.path) == (route.method, &generic(route.path)));
        // Whoever gives a code has given a password, and is sent back to do so.
        if let Some(entry) = entry.filter(|entry| entry.path != "/login/code") {
            assert_eq!(entry.who == Who::Member, route.visitor == SignIn, "{} {}", route.method, route.path);
        }
    }
}

// holds W5
#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_on_get_and_other_methods_are_refused() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    for act in [
        "rotation",
        "revocation",
        "disabling",
        "enabling",
        "name",
        "test-event",
        "old-password-revocation",
        "overlap-extension",
        "expiry",
        "holding",
        "held-events/acceptance",
        "held-events/discarding",
        "token-address",
        "token-address-revocation",
    ] {
        let answer = alice.get(&format!("{WEBHOOKS}/credentials/{id}/{act}")).await;
        assert_eq!(answer.status(), 405, "GET {act}");
    }
    assert_eq!(alice.get("/logout").await.status(), 405);
    let answer = alice
        .client
        .delete(format!("{}/events", server.url))
        .header("Sec-Fetch-Site", "same-origin")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(sender.status().await, 200);
}

// holds W9
#[tokio::test(flavor = "multi_thread")]
async fn lists_and_exports_hold_ones_own_events_alone() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"canary":"of alice"}"#).await;
    sender.with_password("wrong").status().await;
    server.eventually("select count(*) from rejections", 1).await;
    for path in [
        "/events",
        "/events?q=canary",
        "/events/export",
        "/events/export?format=csv",
        "/events/rejections",
        "/events/rejections?group=address",
        WEBHOOKS,
        "/settings/audit",
        "/settings/audit/export",
        "/docs/webhooks/quick-start",
    ] {
        let page = bob.page(path).await;
        assert!(!page.contains("of alice") && !page.contains(&sender.username), "{path}");
    }
    let answer = bob.get(&format!("/events?credential={}", sender.username)).await;
    assert_eq!(answer.status(), 422, "somebody else's username is as unknown as any");
    assert!(alice.page("/events/export").await.contains("canary"));
}

impl Person {
    /// Any page that everybody sees.
    async fn visitor_page(&self, server: &TestServer) -> String {
        server.visitor().page("/login").await
    }
}
