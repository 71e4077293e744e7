//! Set-up, sign-up and the account password.

use crate::support::actors::WEBHOOKS;
use crate::support::server::{PASSWORD, TestServer};

async fn setup_path(server: &TestServer) -> String {
    server.application().setup_link().await.unwrap().unwrap().replace(&server.url, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_creates_a_pro_account_and_signs_in() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    assert!(visitor.page("/login").await.contains("This server has no account yet"));
    let path = setup_path(&server).await;
    assert!(visitor.page(&path).await.contains("Create the owner account"));
    let answer = visitor.post(&path, &[("email", "Maya@Example.com"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, WEBHOOKS));
    assert!(visitor.page(WEBHOOKS).await.contains("Generate a credential"));
    assert_eq!(
        server.query("select email, plan from users join accounts on accounts.id = account_id").await[0],
        [Some("maya@example.com".to_owned()), Some("pro".to_owned())]
    );
    // Opened again, the link says what has become of it.
    for (reader, path) in [(&visitor, path.as_str()), (&server.visitor(), &path), (&server.visitor(), "/setup")] {
        let again = reader.get(path).await;
        assert_eq!(again.status(), 404, "the page exists once");
        let page = again.text().await.unwrap();
        assert!(
            page.contains("This server already has its owner") && page.contains("account password EMAIL"),
            "{page}"
        );
        assert!(page.contains("href=\"/login\"") && !page.contains("We can’t find that page"), "{page}");
    }
    assert_eq!(
        server.visitor().post(&path, &[("email", "eve@example.com"), ("password", PASSWORD)]).await.status(),
        404
    );
    assert_eq!(server.application().setup_link().await.unwrap(), None);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn set_up_needs_its_token_and_of_two_at_once_one_wins() {
    let server = TestServer::start().await;
    let form = |email: &'static str| [("email", email), ("password", PASSWORD)];
    for path in ["/setup", "/setup?token=", "/setup?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(server.visitor().get(path).await.status(), 403, "{path}");
        assert_eq!(server.visitor().post(path, &form("eve@example.com")).await.status(), 403, "{path}");
    }
    assert_eq!(server.number("select count(*) from users").await, 0);
    let path = setup_path(&server).await;
    let wrong = [("email", "eve@example.com"), ("password", PASSWORD), ("token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    assert_eq!(server.visitor().post(&path, &wrong).await.status(), 403, "a wrong field is wrong beside a right link");
    let (one, two) = (server.visitor(), server.visitor());
    // An empty field says nothing against the link.
    let first = [("email", "one@example.com"), ("password", PASSWORD), ("token", "")];
    let second = form("two@example.com");
    let (one, two) = tokio::join!(one.post(&path, &first), two.post(&path, &second));
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404]);
    assert_eq!(server.number("select count(*) from accounts").await, 1);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_errors_comes_back_with_what_was_typed_but_the_password() {
    let server = TestServer::start().await;
    let path = setup_path(&server).await;
    let visitor = server.visitor();
    for (email, password, words) in [
        ("maya@example.com", "harbor42", "Use at least 12 characters. This one has 8."),
        ("maya@example.com", "password1234", "too easy to guess"),
        ("maya@example.com", &"x1 ".repeat(100), "Use at most 256 characters. This one has 300."),
        ("maya", PASSWORD, "Enter an email address with one @"),
        ("", PASSWORD, "Enter an email address."),
    ] {
        let answer = visitor.post(&path, &[("email", email), ("password", password)]).await;
        assert_eq!(answer.status(), 422);
        let page = answer.text().await.unwrap();
        assert!(page.contains(words), "{words} in {page}");
        assert!(page.contains(&format!("value=\"{email}\"")) && !page.contains(password), "{email}");
    }
    let answer = visitor.post(&path, &[("email", "maya@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status(), 303, "the link still works after errors");
}

// holds W10
#[tokio::test(flavor = "multi_thread")]
async fn sign_up_makes_free_accounts_and_nobody_chooses_a_plan() {
    let server = TestServer::start_with(|options| {
        options.signup = "open".to_owned();
        options.upgrade_url = Some("https://example.com/upgrade".to_owned());
    })
    .await;
    let visitor = server.visitor();
    assert!(visitor.page("/login").await.contains("Create an account"));
    let closed = TestServer::start().await;
    closed.pro("maya@example.com").await;
    assert!(closed.visitor().page("/login").await.contains("Your administrator can create an account for you."));
    let chosen = [("email", "eve@example.com"), ("password", PASSWORD), ("plan", "pro")];
    assert_eq!(visitor.post("/signup", &chosen).await.status(), 400);
    assert_eq!(server.number("select count(*) from users").await, 0);
    let answer = visitor.post("/signup", &chosen[..2]).await;
    assert_eq!(answer.status(), 303);
    let page = visitor.page(WEBHOOKS).await;
    assert!(page.contains("Part of the Pro plan") && page.contains("href=\"https://example.com/upgrade\""), "{page}");
    assert_eq!(visitor.post(&format!("{WEBHOOKS}/credentials"), &[("name", "x")]).await.status(), 403);
    assert_eq!(server.number("select count(*) from accounts where plan = 'free'").await, 1);
    let again = server.visitor().post("/signup", &[("email", "EVE@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(again.status(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_needs_the_current_one_and_ends_other_sessions() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let new = "an entirely different set of words";
    let change = async |current: &str, new: &str| {
        alice.post("/settings/account/password", &[("current_password", current), ("new_password", new)]).await
    };
    let wrong = change("not the password", new).await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("This isn’t your current password."));
    assert!(change(PASSWORD, "short").await.text().await.unwrap().contains("Use at least 12 characters"));
    assert_eq!(change(PASSWORD, new).await.status(), 303);
    assert_eq!(alice.get("/events").await.status(), 200, "this session goes on");
    assert_eq!(elsewhere.get("/events").await.status(), 303, "the others have ended");
    let sign_in = async |password: &str| {
        server
            .visitor()
            .post("/login", &[("email", "alice@example.com"), ("password", password)])
            .await
            .status()
            .as_u16()
    };
    assert_eq!((sign_in(PASSWORD).await, sign_in(new).await), (422, 303));
    let extra = [("current_password", new), ("new_password", PASSWORD), ("plan", "pro")];
    assert_eq!(alice.post("/settings/account/password", &extra).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_an_account_can_be_changed() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let rename = async |name: &str| alice.post("/settings/account/name", &[("name", name)]).await;
    let done = rename("  Harbor <b>Supply</b> ").await;
    let page = alice.follow(done).await;
    assert!(page.contains("The name is changed.") && page.contains("Harbor &#60;b&#62;Supply&#60;/b&#62;"), "{page}");
    for (name, words) in [("", "Enter a name"), (&"x".repeat(101), "This name has 101."), ("a\u{7}b", "control")] {
        let invalid = rename(name).await;
        assert_eq!(invalid.status(), 422);
        assert!(invalid.text().await.unwrap().contains(words), "{words}");
    }
    rename("Harbor <b>Supply</b>").await;
    let line = "select count(*) from audit_log where action = 'account_renamed' and details->>'was' = 'alice'";
    assert_eq!(server.number(line).await, 1, "the same name again is no act");
    let chosen = alice.post("/settings/account/name", &[("name", "x"), ("plan", "pro")]).await;
    assert_eq!(chosen.status(), 400);
}

// holds C11, W3
#[tokio::test(flavor = "multi_thread")]
async fn the_email_address_is_folded_and_unique_and_changing_it_ends_other_sessions() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.create_account("bob@example.com", "pro").await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let change = async |email: &str| alice.post("/settings/account/email", &[("email", email)]).await;
    for (email, words) in [
        ("", "Enter an email address."),
        ("alice", "with one @"),
        ("BOB@example.com", "This email address can’t be used."),
    ] {
        let refused = change(email).await;
        assert_eq!(refused.status(), 422, "{email}");
        let page = refused.text().await.unwrap();
        assert!(page.contains(words) && page.contains("Your email address wasn’t changed."), "{email}: {page}");
    }
    assert_eq!(elsewhere.get("/events").await.status(), 200, "nothing has happened yet");
    let changed = change(" Alice@New.Example ").await;
    assert!(alice.follow(changed).await.contains("you sign in as alice@new.example."));
    assert_eq!(elsewhere.get("/events").await.status(), 303, "the other session has ended");
    let sign_in = async |email: &str| {
        let form = [("email", email), ("password", PASSWORD)];
        server.visitor().post("/login", &form).await.status().as_u16()
    };
    assert_eq!((sign_in("alice@example.com").await, sign_in("alice@new.example").await), (422, 303));
    let line = server.audit_lines("subject", "action = 'email_changed'").await;
    assert_eq!(line, [["alice@new.example", "was alice@example.com; 1 other sessions ended"]]);
    let chosen = alice.post("/settings/account/email", &[("email", "a@b.example"), ("plan", "pro")]).await;
    assert_eq!(chosen.status(), 400);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_account_here_cannot_be_tried_out_by_changing_addresses() {
    let server = TestServer::start().await;
    let eve = server.free("eve@example.com").await;
    server.create_account("bob@example.com", "pro").await;
    let mut answers = Vec::new();
    for _ in 0..50 {
        let answer = eve.post("/settings/account/email", &[("email", "bob@example.com")]).await;
        answers.push(answer.text().await.unwrap().contains("Too many attempts"));
    }
    assert!(!answers[0] && answers[49], "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_page_says_what_to_do_about_a_lost_password() {
    let server = TestServer::start().await;
    let page = server.visitor().page("/login").await;
    assert!(page.contains("Your administrator can reset it"), "{page}");
    assert!(page.contains("<code>reasoner-webhooks account password EMAIL</code>"), "{page}");
}
