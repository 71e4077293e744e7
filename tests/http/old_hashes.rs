//! Hashes that were made with lesser parameters, from before they were raised.

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use crate::support::actors::Sender;
use crate::support::server::{PASSWORD, TestServer};

fn old_hash_of(password: &str) -> String {
    let lesser = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1_024, 1, 1, None).unwrap());
    lesser.hash_password(password.as_bytes()).unwrap().to_string()
}

// holds C4
#[tokio::test(flavor = "multi_thread")]
async fn a_senders_old_hash_is_made_anew_after_its_next_success_and_once() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let old = old_hash_of(&sender.password);
    server.query(&format!("update credential_secrets set hash = '{old}'")).await;
    let runs = || server.application().state.engine.verifier.argon2_runs();
    let before = runs();
    for _ in 0..10 {
        assert_eq!(sender.status().await, 200);
    }
    server.eventually("select count(*) from credential_secrets where hash like '%$m=19456,t=2,p=1$%'", 1).await;
    assert_eq!(runs() - before, 2, "one to verify, one to hash anew");
    let again = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let after_restart = Sender::new(&again.url, &sender.username, &sender.password);
    assert_eq!(after_restart.status().await, 200);
    assert_eq!(again.application().state.engine.verifier.argon2_runs(), 1, "nothing is left to renew");
}

// holds C4
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_renews_nothing() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let old = old_hash_of("another password");
    server.query(&format!("update credential_secrets set hash = '{old}'")).await;
    assert_eq!(sender.status().await, 401);
    // A renewal would have begun before the answer and taken a hundredth of this.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(server.number(&format!("select count(*) from credential_secrets where hash = '{old}'")).await, 1);
}

// holds C4
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_old_hash_is_made_anew_at_sign_in() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    server.query(&format!("update users set password_hash = '{}'", old_hash_of(PASSWORD))).await;
    let sign_in = async || {
        let form = [("email", "alice@example.com"), ("password", PASSWORD)];
        server.visitor().post("/login", &form).await.status()
    };
    assert_eq!(sign_in().await, 303);
    server.eventually("select count(*) from users where password_hash like '%$m=19456,t=2,p=1$%'", 1).await;
    assert_eq!(sign_in().await, 303, "the new hash is of the same password");
}
