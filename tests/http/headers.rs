//! What every answer carries, where forms may come from, and whose word is taken for an address.

use reqwest::Response;

use crate::support::actors::{WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn check(answer: &Response, what: &str) {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or("");
    assert_eq!(header("content-security-policy"), POLICY, "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(header("x-request-id").starts_with("req_"), "{what}");
}

// holds W6
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_errors_included() {
    let server = TestServer::start_with(|options| options.max_body_bytes = "100".to_owned()).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for path in
        ["/login", "/events", WEBHOOKS, "/docs/webhooks/errors", "/nowhere", "/setup", "/healthz", "/events/x", "/"]
    {
        let answer = alice.get(path).await;
        check(&answer, path);
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    }
    check(&alice.post("/logout?x", &[]).await, "logout");
    check(&sender.send("{}").await, "200");
    check(&sender.send("x".repeat(200)).await, "413");
    check(&sender.with_password("x").send("{}").await, "401");
    check(&alice.post_from("cross-site", "/logout", &[]).await, "cross-site");
    check(&alice.post(&format!("{WEBHOOKS}/credentials"), &[("name", &"x".repeat(100_000))]).await, "too large a form");
    let asset = between(&alice.page("/login").await, "/static/app.", "\"").to_owned();
    let style = alice.get(&format!("/static/app.{asset}")).await;
    check(&style, "a style sheet");
    assert_eq!(style.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert!(!style.headers().contains_key("strict-transport-security"), "plain http");
    let https =
        TestServer::start_with(|options| options.public_url = Some("https://webhooks.example".to_owned())).await;
    let answer = https.visitor().get("/login").await;
    assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age=31536000"));
}

// holds W6
#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_an_inline_script_style_or_handler() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store(r#"{"a":[1,{"b":null}]}"#).await;
    let id = alice.credential_id(&sender.username).await;
    for path in [
        "/events".to_owned(),
        format!("/events/{event}"),
        "/events/rejections".to_owned(),
        "/events/rejections?group=address".to_owned(),
        WEBHOOKS.to_owned(),
        format!("{WEBHOOKS}?rotate={id}"),
        "/settings/account".to_owned(),
        "/settings/sessions".to_owned(),
        "/settings/audit".to_owned(),
        "/settings/audit?subject=rw_&action=credential_created".to_owned(),
        "/settings/integrations".to_owned(),
        "/docs/webhooks/quick-start".to_owned(),
        "/docs/webhooks/connect".to_owned(),
        "/docs/webhooks/connect-code".to_owned(),
        "/docs/webhooks/connect-monitoring".to_owned(),
        "/docs/webhooks/connect-automation".to_owned(),
        "/docs/webhooks/connect-services".to_owned(),
        "/docs/webhooks/api-reference".to_owned(),
        "/docs/webhooks/advanced-usage".to_owned(),
        "/docs/webhooks/search".to_owned(),
        "/settings/api-tokens".to_owned(),
        "/settings/api-tokens/new".to_owned(),
        "/settings/consumers".to_owned(),
        "/settings/consumers/new".to_owned(),
        "/settings/alerts".to_owned(),
        "/settings/alerts/rules/new".to_owned(),
        "/docs/webhooks/api".to_owned(),
        "/docs/webhooks/errors".to_owned(),
        "/docs/webhooks/operations".to_owned(),
    ] {
        let page = alice.page(&path).await;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("javascript:"), "{path}");
        assert!(page.split("<script").skip(1).all(|tag| tag.starts_with(" type=\"module\" src=\"/static/")), "{path}");
        assert!(!page.to_lowercase().contains(" onclick=") && !page.to_lowercase().contains(" onerror="), "{path}");
        assert_eq!(page.matches("<h1").count(), 1, "{path} has one h1");
    }
}

// holds W4
#[tokio::test(flavor = "multi_thread")]
async fn writes_from_other_sites_are_refused() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let path = format!("{WEBHOOKS}/credentials");
    for state in ["cross-site", "same-site", ""] {
        let answer = alice.post_from(state, &path, &[("name", "evil")]).await;
        assert_eq!(answer.status(), 403, "Sec-Fetch-Site: {state}");
        assert!(answer.text().await.unwrap().contains("That request came from another site"));
    }
    let with_origin = async |origin: Option<&str>| {
        let mut request = alice
            .client
            .post(format!("{}{path}", server.url))
            .header("Content-Type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        request.body("name=x").send().await.unwrap().status().as_u16()
    };
    assert_eq!(with_origin(None).await, 403, "neither header");
    for origin in [
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        &format!("{}.evil.example", server.url),
        &server.url.to_uppercase(),
    ] {
        assert_eq!(with_origin(Some(origin)).await, 403, "{origin}");
    }
    assert_eq!(server.number("select count(*) from credentials").await, 0);
    assert_eq!(with_origin(Some(&server.url)).await, 200);
    assert_eq!(alice.post_from("none", &path, &[("name", "typed address")]).await.status(), 200);
    for page in ["/login", "/logout", "/theme", "/setup", "/signup", "/settings/account/password", "/nowhere"] {
        assert_eq!(alice.post_from("cross-site", page, &[]).await.status(), 403, "{page}");
    }
    assert_eq!(alice.get("/events").await.status(), 200, "nobody signed Alice out");
}

// holds C14
#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_comes_from_the_configuration_and_never_from_a_request() {
    let server =
        TestServer::start_with(|options| options.ingest_url = Some("https://webhook.harborsupply.example".to_owned()))
            .await;
    let alice = server.pro("alice@example.com").await;
    for path in [WEBHOOKS, "/docs/webhooks/quick-start", "/events"] {
        let request = alice.client.get(format!("{}{path}", server.url)).header("X-Forwarded-Host", "evil.example");
        let page = request.send().await.unwrap().text().await.unwrap();
        assert!(!page.contains("evil.example"), "{path}");
    }
    let page = alice.post(&format!("{WEBHOOKS}/credentials"), &[("name", "x")]).await.text().await.unwrap();
    assert_eq!(between(&page, "<code id=\"endpoint\">", "<"), "https://webhook.harborsupply.example");
    let refused = server.visitor().client.post(&server.url).header("Host", "evil.example").send().await.unwrap();
    assert!(!refused.text().await.unwrap().contains("evil"));
}

// holds W2
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_session_store_does_not_touch_ingest() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    server.query("alter table sessions rename to sessions_away").await;
    assert_eq!(alice.get("/events").await.status(), 503);
    let answer = sender.request().header("Cookie", "session=garbage").body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("set-cookie"));
}

// holds W12
#[tokio::test(flavor = "multi_thread")]
async fn forwarding_headers_are_believed_from_configured_proxies_alone() {
    let address = async |server: &TestServer| {
        let alice = server.pro("alice@example.com").await;
        let sender = server.sender(&alice).await;
        let answer = sender
            .request()
            .header("X-Forwarded-For", "6.6.6.6, 198.51.100.24")
            .header("Forwarded", "for=7.7.7.7")
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        server.query("select host(remote_ip) from events").await[0][0].clone().unwrap()
    };
    assert_eq!(address(&TestServer::start().await).await, "127.0.0.1");
    let behind_proxy = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    assert_eq!(address(&behind_proxy).await, "198.51.100.24");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_theme_is_a_cookie_that_the_server_renders() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    assert!(!alice.page("/events").await.contains("data-theme"));
    let answer = alice.post("/theme", &[("theme", "dark"), ("return_to", "/events?q=x")]).await;
    assert_eq!(answer.headers()["location"], "/events?q=x");
    assert!(alice.page("/events").await.contains("<html lang=\"en\" data-theme=\"dark\">"));
    let elsewhere = alice.post("/theme", &[("theme", "system"), ("return_to", "//evil.example")]).await;
    assert_eq!(elsewhere.headers()["location"], "/");
    assert!(!alice.page("/events").await.contains("data-theme"));
    assert_eq!(
        server.visitor().post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await.status(),
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_at_a_wrong_address_gets_a_problem_and_not_a_page() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for path in ["/webhooks", "/events", "/docs/webhooks/quick-start"] {
        let request = sender.request().build().unwrap();
        let mut wrong =
            reqwest::Request::new(request.method().clone(), format!("{}{path}", server.url).parse().unwrap());
        *wrong.headers_mut() = request.headers().clone();
        let answer = alice.client.execute(wrong).await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(answer.text().await.unwrap().contains("events are posted to /"));
    }
}

// holds W5
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_take_a_method_says_which_it_takes() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    for (path, allow) in
        [("/logout", "POST"), ("/login", "GET, HEAD, POST"), ("/events", "GET, HEAD"), ("/healthz", "GET, HEAD")]
    {
        let answer = visitor
            .client
            .delete(format!("{}{path}", server.url))
            .header("Sec-Fetch-Site", "same-origin")
            .send()
            .await
            .unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, allow), "{path}");
    }
    assert_eq!(visitor.client.head(format!("{}/login", server.url)).send().await.unwrap().status(), 200);
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_does_not_arrive_is_given_up() {
    let server = TestServer::start().await;
    let slow = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>("e"), ()))
    });
    let request = server
        .visitor()
        .client
        .post(format!("{}/login", server.url))
        .header("Sec-Fetch-Site", "same-origin")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(reqwest::Body::wrap_stream(slow));
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), request.send()).await.expect("an answer");
    assert_eq!(answer.unwrap().status(), 408);
}

/// An error is made where nobody knows the request any more; its page still looks as its reader chose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_page_keeps_the_theme_of_its_reader() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    assert!(!visitor.get("/nowhere").await.text().await.unwrap().contains("data-theme"));
    assert_eq!(visitor.post("/theme", &[("theme", "dark"), ("return_to", "/login")]).await.status(), 303);
    for (path, status) in [("/nowhere", 404), ("/setup?token=x&token=y", 400), ("/logout", 405)] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().await.unwrap().contains("<html lang=\"en\" data-theme=\"dark\">"), "{path}");
    }
    server.stop().await;
}
