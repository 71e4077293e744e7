//! What a 200 means, and what happens when something breaks.

use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use reasoner_webhooks::web::middleware::request_context;

use crate::support::server::TestServer;

// holds D1
#[tokio::test(flavor = "multi_thread")]
async fn commits_wait_for_the_disk_and_acts_for_standbys_too_whatever_the_server_says() {
    let server = TestServer::start().await;
    let name = server.database_url.split('/').next_back().unwrap().to_owned();
    server.query(&format!("alter database {name} set synchronous_commit = off")).await;
    let store = reasoner_webhooks::store::connection::pool::Store::open(&server.database_url).await.unwrap();
    let value = reasoner_webhooks::store::connection::settings::show(
        &mut store.connection().await.unwrap(),
        "synchronous_commit",
    )
    .await
    .unwrap();
    assert_eq!(value, "local", "of single statements, such as notes about sessions");

    // What an act commits with is written down beside its audit line.
    let note_setting = "create table settings_seen (action text, value text); \
        create function note_setting() returns trigger language plpgsql security definer as $$ begin \
        insert into settings_seen select new.action, current_setting('synchronous_commit'); return null; end $$; \
        create trigger note_setting after insert on audit_log for each row execute function note_setting()";
    server.query(note_setting).await;
    let alice = server.pro("alice@example.com").await;
    alice.create_credential("Shop").await;
    let seen = "select value from settings_seen where action = 'credential_created'";
    assert_eq!(server.query(seen).await, [[Some("on".to_owned())]]);
}

// holds D9
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_with_a_request_id_and_the_server_lives() {
    async fn panics() -> HttpResponse {
        panic!("on purpose")
    }
    let server = HttpServer::new(|| {
        App::new()
            .wrap(middleware::from_fn(request_context::layer))
            .route("/panics", web::get().to(panics))
            .route("/lives", web::get().to(HttpResponse::Ok))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    for _ in 0..5 {
        let answer = reqwest::get(format!("{url}/panics")).await.unwrap();
        assert_eq!(answer.status(), 500);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(answer.headers().contains_key("content-security-policy"));
        let page = answer.text().await.unwrap();
        assert!(page.contains(&id) && !page.contains("on purpose"), "{page}");
        assert_eq!(reqwest::get(format!("{url}/lives")).await.unwrap().status(), 200);
    }
    handle.stop(true).await;
}

// holds D6
#[tokio::test(flavor = "multi_thread")]
async fn ending_finishes_what_is_in_flight() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    let database_url = server.database_url.clone();
    let slow = {
        let sender = sender.clone();
        tokio::spawn(async move {
            let chunks = futures_util::stream::unfold(0, |n| async move {
                tokio::time::sleep(std::time::Duration::from_millis(150)).await;
                let chunk = if n == 9 { "1" } else { " " };
                (n < 10).then(|| (Ok::<_, std::io::Error>(chunk), n + 1))
            });
            sender.send(reqwest::Body::wrap_stream(chunks)).await.status().as_u16()
        })
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let started = std::time::Instant::now();
    server.stop().await;
    assert!(started.elapsed().as_secs() < 30);
    assert_eq!(slow.await.unwrap(), 200, "the request in flight was finished");
    let rows = crate::support::postgres::query(&database_url, "select count(*) from events").await;
    assert_eq!(rows[0][0].as_deref(), Some("2"));
    let used = crate::support::postgres::query(
        &database_url,
        "select count(*) from credential_secrets where last_used_at is not null",
    )
    .await;
    assert_eq!(used[0][0].as_deref(), Some("1"), "notes in memory were written");
}
