//! While the database hangs, every address that needs it says so in time, whoever asks; those that do not need it do not
//! notice.

use futures_util::future::join_all;
use reasoner_webhooks::domain::api_token::Scope;
use reasoner_webhooks::web::api::caller::Needs;
use reasoner_webhooks::web::routes::API;
use serde_json::json;

use crate::outages::in_time;
use crate::stage::{Stage, assert_is_503};
use crate::support::actors::WEBHOOKS;
use crate::support::api_program::Program;

const ID: &str = "01a20938-1b93-7314-bd05-5674dc1b07a4";

/// What a signed-in person may read.
const READ: &[&str] = &[
    "/",
    "/login",
    "/setup?token=none",
    "/events",
    "/events/live",
    "/events/export?format=csv",
    "/events/overview",
    "/events/rejections",
    "/events/deletion",
    "/events/selection/deletion?id=ID",
    "/events/ID",
    "/events/ID/body",
    "/events/ID/comparison",
    "/events/completions",
    "/events/rejections/ID",
    "/settings/integrations",
    "/settings/integrations/webhooks",
    "/settings/integrations/webhooks/ID",
    "/settings/account",
    "/settings/account/second-factor",
    "/settings/account/deletion",
    "/settings/events",
    "/settings/sessions",
    "/settings/api-tokens",
    "/settings/api-tokens/new",
    "/settings/api-tokens/ID",
    "/settings/consumers",
    "/settings/consumers/new",
    "/settings/consumers/ID",
    "/settings/alerts",
    "/settings/alerts/rules/new",
    "/settings/audit",
    "/settings/audit/export",
    "/readyz",
];

/// What a signed-in person may do.
const ACTS: &[&str] = &[
    "/login",
    "/login/code",
    "/logout",
    "/events/ID/deletion",
    "/events/selection/deletion",
    "/events/deletion/cancellation",
    "/events/columns",
    "/events/searches",
    "/events/searches/ID/deletion",
    "WEBHOOKS/credentials",
    "WEBHOOKS/credentials/ID/rotation",
    "WEBHOOKS/credentials/ID/old-password-revocation",
    "WEBHOOKS/credentials/ID/overlap-extension",
    "WEBHOOKS/credentials/ID/expiry",
    "WEBHOOKS/credentials/ID/revocation",
    "WEBHOOKS/credentials/ID/holding",
    "WEBHOOKS/credentials/ID/held-events/acceptance",
    "WEBHOOKS/credentials/ID/held-events/discarding",
    "WEBHOOKS/credentials/ID/disabling",
    "WEBHOOKS/credentials/ID/enabling",
    "WEBHOOKS/credentials/ID/name",
    "WEBHOOKS/credentials/ID/test-event",
    "/settings/account/name",
    "/settings/account/email",
    "/settings/account/email/confirmation",
    "/settings/account/password",
    "/settings/account/second-factor",
    "/settings/account/second-factor/recovery-codes",
    "/settings/account/second-factor/removal",
    "/settings/account/deletion",
    "/settings/confirmation",
    "/settings/sessions/ID/revocation",
    "/settings/other-sessions/ending",
    "/settings/api-tokens",
    "/settings/api-tokens/ID/name",
    "/settings/api-tokens/ID/rotation",
    "/settings/api-tokens/ID/revocation",
    "/settings/consumers",
    "/settings/consumers/ID/position",
    "/settings/consumers/ID/deletion",
    "/settings/alerts/choice",
    "/settings/alerts/test",
    "/settings/alerts/rules",
    "/settings/alerts/rules/ID/deletion",
    "/settings/alerts/ID/acknowledgement",
    "/settings/alerts/ID/muting",
    "/settings/events/when-full",
];

/// Every address of the API but its description, asked with a token that is right.
async fn ask_the_api(program: &Program) {
    let entries: Vec<_> = API.iter().filter(|entry| entry.needs != Needs::Nothing).collect();
    let asked = join_all(entries.iter().map(|entry| async move {
        let path = entry.path.trim_start_matches("/api/v1").replace("{id}", ID);
        let request = program.request(entry.method, &path).json(&json!({}));
        in_time(entry.path, async { request.send().await.unwrap() }).await
    }));
    for (entry, answer) in entries.iter().zip(asked.await) {
        assert_eq!(answer.status(), 503, "{} {}", entry.method, entry.path);
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{}", entry.path);
        assert_is_503(&answer);
    }
}

/// What nobody needs a database for, signed in or not.
const ALWAYS: &[&str] = &[
    "/healthz",
    "/docs/webhooks/quick-start",
    "/docs/webhooks/connect",
    "/docs/webhooks/connect-code",
    "/docs/webhooks/connect-monitoring",
    "/docs/webhooks/connect-automation",
    "/docs/webhooks/connect-services",
    "/docs/webhooks/api-reference",
    "/docs/webhooks/advanced-usage",
    "/docs/webhooks/search",
    "/docs/webhooks/api",
    "/docs/webhooks/errors",
    "/docs/webhooks/operations",
];

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_hangs_every_address_that_needs_it_says_so_in_time() {
    let stage = Stage::new().await;
    let fields = [
        ("name", "Chaos"),
        ("overlap", "24h"),
        ("email", "alice@example.com"),
        ("password", "not the password of anybody"),
        ("current_password", "not the password of anybody"),
        ("new_password", "another password of nobody"),
    ];
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let program = Program::with(&stage.server, &stage.alice, &scopes).await;
    let address = |pattern: &str| pattern.replace("WEBHOOKS", WEBHOOKS).replace("ID", ID);
    stage.postgres.pause();
    let (alice, visitor) = (&stage.alice, &stage.server.visitor());
    let reading =
        join_all(READ.iter().map(|pattern| async move { in_time(pattern, alice.get(&address(pattern))).await }));
    let acting = join_all(
        ACTS.iter().map(|pattern| async move { in_time(pattern, alice.post(&address(pattern), &fields)).await }),
    );
    let always = join_all(
        [alice, visitor]
            .into_iter()
            .flat_map(|person| ALWAYS.iter().map(move |path| async move { in_time(path, person.get(path)).await })),
    );
    let (read, acted, always, ()) = tokio::join!(reading, acting, always, ask_the_api(&program));
    for (pattern, answer) in READ.iter().chain(ACTS).zip(read.iter().chain(&acted)) {
        assert_eq!(answer.status(), 503, "{pattern}");
        assert_is_503(answer);
    }
    for (path, answer) in ALWAYS.iter().chain(ALWAYS).zip(always) {
        assert_eq!(answer.status(), 200, "{path}");
    }
    stage.postgres.resume();
}
