//! The ways to hand a batch of events to PostgreSQL, compared: rows a second on one connection, one commit a batch. Why the writer
//! calls `store_events`, which inserts by `unnest`, is what this shows.
//!
//! `make bench` runs it.

#[path = "ingest/event_body.rs"]
mod event_body;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use anyhow::{Result, ensure};
use futures_util::SinkExt;
use jiff::Timestamp;
use reasoner_webhooks::domain::event::NewEvent;
use reasoner_webhooks::domain::ids::{AccountId, CredentialId, SecretId};
use reasoner_webhooks::embedded::cluster::Cluster;
use reasoner_webhooks::embedded::known_clusters::KnownClusters;
use reasoner_webhooks::random::EventIds;
use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::Store;
use reasoner_webhooks::store::tables::batches::BatchConnection;
use reasoner_webhooks::store::tables::events::Row;
use reasoner_webhooks::store::tables::partitions;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// How long each form is measured.
use crate::event_body::EVENT_BODY;

const EACH: Duration = Duration::from_secs(3);
const BATCHES: [usize; 4] = [1, 25, 250, 1_000];
const HEADERS: &str = r#"[["host","127.0.0.1:8080"],["content-type","application/json"],["content-length","336"]]"#;
const COLUMNS: &str =
    "account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes";

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::Builder::new().prefix("reasoner-bench-").tempdir()?;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))?;
    let cluster = Cluster::start(home.path(), std::env::var_os("PATH").as_deref(), &KnownClusters::default()).await?;
    let outcome = compare(&cluster.database_url()).await;
    cluster.stop().await?;
    outcome
}

async fn compare(url: &str) -> Result<()> {
    let store = Store::open(url).await?;
    migrate::run(&store).await?;
    partitions::make_ahead(&store, Timestamp::now(), Timestamp::now()).await?;
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("set synchronous_commit = on; set plan_cache_mode = force_generic_plan").await?;
    let mut bench = Bench {
        whole: BatchConnection::open(&store, Uuid::nil()).await?,
        client,
        ids: EventIds::default(),
        statements: HashMap::new(),
    };
    bench.make_sender().await?;

    println!("| rows a commit | form | rows/s | of store_events | one commit |\n|---|---|---|---|---|");
    for rows in BATCHES {
        let mut first = None;
        for form in [Form::StoreEvents, Form::Unnest, Form::Values, Form::Copy] {
            // A statement has at most 65,535 parameters, and a row of events takes ten.
            if matches!(form, Form::Values) && rows * 10 > usize::from(u16::MAX) {
                continue;
            }
            bench.write(form, rows).await?;
            let started = Instant::now();
            let mut commits = 0_u32;
            while started.elapsed() < EACH {
                bench.write(form, rows).await?;
                commits += 1;
            }
            let commit = started.elapsed() / commits;
            let per_second = rows as f64 / commit.as_secs_f64();
            let ratio = per_second / *first.get_or_insert(per_second);
            println!(
                "| {rows} | {} | {per_second:.0} | {ratio:.2} | {:.2} ms |",
                form.name(),
                commit.as_secs_f64() * 1e3
            );
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Form {
    /// What the writer does: check, insert, count, all in one call.
    StoreEvents,
    /// One prepared insert over arrays, and nothing else.
    Unnest,
    /// One prepared insert with a list of rows.
    Values,
    /// Text COPY.
    Copy,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::StoreEvents => "**store_events**, with check and counts",
            Form::Unnest => "insert … select from unnest",
            Form::Values => "insert … values (…), (…)",
            Form::Copy => "copy … from stdin",
        }
    }
}

struct Bench {
    whole: BatchConnection,
    client: Client,
    ids: EventIds,
    /// By their text.
    statements: HashMap<String, Statement>,
}

impl Bench {
    async fn make_sender(&self) -> Result<()> {
        let nil = Uuid::nil();
        let sql = format!(
            "insert into accounts (id, name, plan, created_at) values ('{nil}', 'Bench', 'pro', now()); \
             insert into credentials (id, account_id, name, username, created_at) \
             values ('{nil}', '{nil}', 'Bench', 'rw_bench000', now()); \
             insert into credential_secrets (id, credential_id, hint, hash, slot, created_at) \
             values ('{nil}', '{nil}', 'hint', 'hash', 1, now())"
        );
        Ok(self.client.batch_execute(&sql).await?)
    }

    fn event(&self) -> NewEvent {
        NewEvent {
            id: self.ids.next(Timestamp::now()),
            remote_ip: [127, 0, 0, 1].into(),
            user_agent: None,
            content_type: "application/json".to_owned(),
            query: None,
            headers: HEADERS.to_owned(),
            body: EVENT_BODY.to_owned(),
            idempotency: None,
        }
    }

    async fn write(&mut self, form: Form, rows: usize) -> Result<()> {
        let events: Vec<NewEvent> = (0..rows).map(|_| self.event()).collect();
        match form {
            Form::StoreEvents => {
                let nil = Uuid::nil();
                let (secret_id, account_id, credential_id) = (SecretId(nil), AccountId(nil), CredentialId(nil));
                let at = Timestamp::now();
                let rows: Vec<_> =
                    events.iter().map(|event| Row { at, secret_id, account_id, credential_id, event }).collect();
                ensure!(self.whole.store(&rows).await?.is_empty(), "not all was stored");
            }
            Form::Unnest => self.unnest(&events).await?,
            Form::Values => self.values(&events).await?,
            Form::Copy => self.copy(&events).await?,
        }
        Ok(())
    }

    async fn unnest(&mut self, events: &[NewEvent]) -> Result<()> {
        let sql = format!(
            "insert into events ({COLUMNS}) select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]::inet[], \
             $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[])"
        );
        let statement = self.prepared(&sql).await?;
        let nils = vec![Uuid::nil(); events.len()];
        let ids: Vec<Uuid> = events.iter().map(|event| event.id.0).collect();
        let ips = vec!["127.0.0.1"; events.len()];
        let nothing: Vec<Option<&str>> = vec![None; events.len()];
        let types: Vec<&str> = events.iter().map(|event| event.content_type.as_str()).collect();
        let headers: Vec<&str> = events.iter().map(|event| event.headers.as_str()).collect();
        let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
        let sizes: Vec<i32> = events.iter().map(NewEvent::size_bytes).collect();
        let parameters: [&(dyn ToSql + Sync); 10] =
            [&nils, &ids, &nils, &ips, &nothing, &types, &nothing, &headers, &bodies, &sizes];
        self.client.execute(&statement, &parameters).await?;
        Ok(())
    }

    async fn values(&mut self, events: &[NewEvent]) -> Result<()> {
        let list: Vec<String> = (0..events.len())
            .map(|row| {
                let n = |column: usize| row * 10 + column;
                format!(
                    "(${}, ${}, ${}, ${}::text::inet, ${}, ${}, ${}, ${}, ${}, ${})",
                    n(1),
                    n(2),
                    n(3),
                    n(4),
                    n(5),
                    n(6),
                    n(7),
                    n(8),
                    n(9),
                    n(10)
                )
            })
            .collect();
        let statement = self.prepared(&format!("insert into events ({COLUMNS}) values {}", list.join(", "))).await?;
        let (nil, ip, nothing) = (Uuid::nil(), "127.0.0.1", None::<&str>);
        let sizes: Vec<i32> = events.iter().map(NewEvent::size_bytes).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> = events
            .iter()
            .zip(&sizes)
            .flat_map(|(event, size)| -> [&(dyn ToSql + Sync); 10] {
                let NewEvent { id, content_type, headers, body, .. } = event;
                [&nil, &id.0, &nil, &ip, &nothing, content_type, &nothing, headers, body, size]
            })
            .collect();
        self.client.execute(&statement, &parameters).await?;
        Ok(())
    }

    async fn copy(&self, events: &[NewEvent]) -> Result<()> {
        let nil = Uuid::nil();
        let mut text = String::new();
        for NewEvent { id, content_type, headers, body, .. } in events {
            // Nothing in these events needs escaping but a backslash, of which there is none.
            text.push_str(&format!(
                "{nil}\t{id}\t{nil}\t127.0.0.1\t\\N\t{content_type}\t\\N\t{headers}\t{body}\t336\n"
            ));
        }
        let sink = self.client.copy_in::<_, Bytes>(&format!("copy events ({COLUMNS}) from stdin")).await?;
        let mut sink = std::pin::pin!(sink);
        sink.send(text.into()).await?;
        sink.finish().await?;
        Ok(())
    }

    /// Prepared once for each text and kept by the connection.
    async fn prepared(&mut self, sql: &str) -> Result<Statement> {
        if !self.statements.contains_key(sql) {
            self.statements.insert(sql.to_owned(), self.client.prepare(sql).await?);
        }
        Ok(self.statements[sql].clone())
    }
}
