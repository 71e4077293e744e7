//! What the program's role in the database may do: read and write rows, and no more.

use crate::support::postgres::as_program;
use crate::support::server::TestServer;

async fn refused(address: &str, sql: &str) -> String {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    match client.batch_execute(sql).await {
        Ok(()) => String::new(),
        Err(error) => error.as_db_error().unwrap().code().code().to_owned(),
    }
}

// holds K1, C11
#[tokio::test(flavor = "multi_thread")]
async fn the_programs_role_adds_to_the_audit_trail_and_changes_neither_it_nor_the_schema() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store("1").await;
    let program = as_program(&server.database_url);
    assert_ne!(program, server.database_url);
    let users = server.query("select distinct usename from pg_stat_activity where datname = current_database()").await;
    assert!(users.iter().any(|row| row[0].as_deref() == Some("reasoner_program")), "{users:?}");
    let role = "select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname = 'reasoner_program'";
    assert_eq!(server.query(role).await[0][0].as_deref(), Some("f"));
    const DENIED: &str = "42501";
    for sql in [
        "delete from audit_log",
        "update audit_log set actor = 'nobody'",
        "truncate audit_log",
        "alter table audit_log disable trigger all",
        "drop trigger audit_log_is_append_only on audit_log",
        "drop table audit_log",
        "alter table audit_log owner to reasoner_program",
        "create or replace function refuse_to_change_the_audit_log() returns trigger language plpgsql as 'begin return null; end'",
        "set session_replication_role = replica",
        "set role reasoner",
        "create table mine (a int)",
        "drop table events",
        "create role another superuser",
        "copy events to program 'cat'",
        "select pg_read_file('postgresql.conf')",
        "update __diesel_schema_migrations set version = '0'",
    ] {
        assert_eq!(refused(&program, sql).await, DENIED, "{sql}");
    }
    let lines = server.number("select count(*) from audit_log").await;
    assert!(lines > 0);
    assert_eq!(alice.post("/settings/account/name", &[("name", "Another")]).await.status(), 303);
    assert_eq!(server.number("select count(*) from audit_log").await, lines + 1, "it adds to it");
}
