//! The server of a test: what `serve` runs, in this process, on a port of its own, with a clock that the test can move.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::clock::Clock;
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::domain::audit_detail::AuditDetail;
use reasoner_webhooks::server::application::Application;
use reasoner_webhooks::store::connection::pool::{Store, StoreOptions};

use crate::support::actors::{Person, Sender};
use crate::support::postgres;

/// The password of every person in the tests.
pub const PASSWORD: &str = "seven quiet otters read the tide table";

/// A running server over a database of its own.
pub struct TestServer {
    pub url: String,
    pub database_url: String,
    pub application: Option<Application>,
    offset_ms: Arc<AtomicI64>,
    credentials: Mutex<u32>,
}

/// The options that `serve` starts with, but for a free port and a given database.
pub fn options(database_url: &str) -> Options {
    Options {
        bind: "127.0.0.1:0".to_owned(),
        database_url: Some(database_url.to_owned()),
        data_dir: "./unused".into(),
        signup: "closed".to_owned(),
        retention_days: "90".to_owned(),
        max_body_bytes: "1048576".to_owned(),
        keep_alive: "75s".to_owned(),
        log_format: "text".to_owned(),
        ..Options::default()
    }
}

impl TestServer {
    /// With the defaults.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With other options.
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let database_url = postgres::new_database().await;
        Self::start_over(database_url, change).await
    }

    /// With other values of what has no flag.
    pub async fn start_configured(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_from(postgres::new_database().await, |_| {}, change).await
    }

    /// Over a database that exists: a second instance, or the same one again.
    pub async fn start_over(database_url: String, change: impl FnOnce(&mut Options)) -> Self {
        Self::start_from(database_url, change, |_| {}).await
    }

    /// All of these together.
    pub async fn start_from(
        database_url: String,
        change: impl FnOnce(&mut Options),
        change_config: impl FnOnce(&mut Config),
    ) -> Self {
        if std::env::var_os("TEST_LOG").is_some() {
            // For whoever looks for the reason of a failure: TEST_LOG=1 cargo test --test http NAME -- --nocapture
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        }
        let mut options = options(&database_url);
        change(&mut options);
        let mut config = Config::check(options).unwrap();
        change_config(&mut config);
        let store_options = StoreOptions { requires_standby: config.requires_standby, ..StoreOptions::default() };
        let store = Store::open_as(&postgres::as_program(&database_url), Some(&database_url), None, store_options)
            .await
            .unwrap();
        let offset_ms = Arc::new(AtomicI64::new(0));
        let moved = offset_ms.clone();
        let clock =
            Clock::from_fn(move || Timestamp::now() + SignedDuration::from_millis(moved.load(Ordering::Relaxed)));
        let application = Application::start(&config, store, clock).await.unwrap();
        let url = format!("http://{}", application.address);
        Self { url, database_url, application: Some(application), offset_ms, credentials: Mutex::new(0) }
    }

    pub fn application(&self) -> &Application {
        self.application.as_ref().unwrap()
    }

    /// Moves the server's clock; nobody sleeps.
    pub fn pass(&self, time: SignedDuration) {
        self.offset_ms.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Rows of the server's database.
    pub async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        postgres::query(&self.database_url, sql).await
    }

    /// Lines of the audit log that pass a condition, oldest first: some of its columns, then the details in words.
    pub async fn audit_lines(&self, columns: &str, condition: &str) -> Vec<Vec<String>> {
        let sql = format!("select {columns}, details::text from audit_log where {condition} order by id");
        let lines = self.query(&sql).await.into_iter();
        let words = |line: Vec<Option<String>>| {
            let mut cells: Vec<String> = line.into_iter().flatten().collect();
            let detail: AuditDetail = serde_json::from_str(&cells.pop().unwrap()).unwrap();
            cells.push(detail.words().into_owned());
            cells
        };
        lines.map(words).collect()
    }

    /// One number of the server's database.
    pub async fn number(&self, sql: &str) -> i64 {
        self.query(sql).await[0][0].as_deref().unwrap().parse().unwrap()
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Person {
        Person::new(&self.url)
    }

    /// A person with an account on Pro, signed in.
    pub async fn pro(&self, email: &str) -> Person {
        self.member(email, "pro").await
    }

    /// A person with an account on Free, signed in.
    pub async fn free(&self, email: &str) -> Person {
        self.member(email, "free").await
    }

    async fn member(&self, email: &str, plan: &str) -> Person {
        self.create_account(email, plan).await;
        self.sign_in(email).await
    }

    /// Another browser of somebody who has an account, signed in.
    pub async fn sign_in(&self, email: &str) -> Person {
        let person = self.visitor();
        let answer = person.post("/login", &[("email", email), ("password", PASSWORD), ("remember", "on")]).await;
        assert_eq!(answer.status(), 303, "{email} signs in");
        person
    }

    /// The cookie of a new session of somebody who has an account, for whoever speaks HTTP by hand.
    pub async fn cookie(&self, email: &str) -> String {
        let answer = self.visitor().post("/login", &[("email", email), ("password", PASSWORD)]).await;
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// Keeps everybody else from reading events, until what is given back is dropped.
    pub async fn lock_events(&self) -> tokio_postgres::Client {
        self.begin("lock table events in access exclusive mode").await
    }

    /// A transaction that has begun with a statement, and goes on until what is given back is dropped.
    pub async fn begin(&self, statement: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.database_url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("begin; {statement}")).await.unwrap();
        client
    }

    /// Creates an account as the command line does.
    pub async fn create_account(&self, email: &str, plan: &str) {
        use reasoner_webhooks::app::create_account::{NewAccount, create_account};
        use reasoner_webhooks::domain::account_password::NewPassword;
        use reasoner_webhooks::domain::audit::Act;
        use reasoner_webhooks::domain::secret::Secret;
        let new = NewAccount {
            email: email.parse().unwrap(),
            name: None,
            plan: plan.parse().unwrap(),
            password: NewPassword::check(Secret::new(PASSWORD.to_owned()), &[]).unwrap(),
            password_expires_at: None,
            is_set_up: false,
        };
        let state = &self.application().state;
        create_account(&state.store, &state.hasher, new, &Act::on_command_line(self.now())).await.unwrap();
    }

    /// Changes a plan as the command line does.
    pub async fn change_plan(&self, email: &str, plan: &str) {
        self.query(&format!(
            "update accounts set plan = '{plan}' where id = (select account_id from users where email = '{email}')"
        ))
        .await;
    }

    /// A sender with a new credential of a person.
    pub async fn sender(&self, owner: &Person) -> Sender {
        let number = {
            let mut number = self.credentials.lock().unwrap();
            *number += 1;
            *number
        };
        owner.create_credential(&format!("System {number}")).await
    }

    /// Waits until something is true of the database, such as a note that is written beside the request.
    pub async fn eventually(&self, sql: &str, expected: i64) {
        let mut last = -1;
        for _ in 0..250 {
            last = self.number(sql).await;
            if last == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{sql} gives {last}, not {expected}");
    }

    /// Ends it as SIGTERM does.
    pub async fn stop(mut self) {
        self.application.take().unwrap().stop().await;
    }
}
