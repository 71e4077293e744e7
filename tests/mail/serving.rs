//! The real program as a process of its own, with mail, that can be killed.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::inbox::PUBLIC_URL;
use crate::support::postgres;
use crate::support::running::free_address;

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");

pub struct Program {
    pub database_url: String,
    environment: Vec<(&'static str, String)>,
    child: Option<Child>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Program {
    /// Not yet running. `smtp_url` goes into its environment.
    pub async fn with_mail(smtp_url: String) -> Self {
        let database_url = postgres::new_database().await;
        let environment = vec![
            ("DATABASE_URL", database_url.clone()),
            ("SMTP_URL", smtp_url),
            ("MAIL_FROM", "noreply@hooks.example".to_owned()),
            ("PUBLIC_URL", PUBLIC_URL.to_owned()),
        ];
        Self { database_url, environment, child: None }
    }

    pub fn set(&mut self, variable: &'static str, value: &str) {
        self.environment.retain(|(name, _)| *name != variable);
        self.environment.push((variable, value.to_owned()));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs `serve` until it is killed.
    pub async fn start(&mut self) {
        let address = free_address();
        let mut command = self.command();
        command.args(["serve", "--bind", &address]).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for _ in 0..500 {
            let ready = client.get(format!("http://{address}/readyz")).send().await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the program is not ready")
    }

    /// As a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        postgres::query(&self.database_url, sql).await
    }

    /// A transaction that has begun with a statement, and goes on until what is given back is dropped.
    pub async fn begin(&self, statement: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.database_url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("begin; {statement}")).await.unwrap();
        client
    }

    pub async fn wait_until(&self, sql: &str) {
        for _ in 0..1_000 {
            if self.query(sql).await[0][0].as_deref() == Some("t") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{sql} stays false")
    }
}
