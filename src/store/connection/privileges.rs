//! Privileges of the program's role in the database.
//!
//! Where one role changes the schema and another one does the daily work, the second may read and write rows, and no more: it is no
//! superuser, makes and drops no tables, and adds to the audit log without changing it.

use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};

/// Any number will do, as long as every release uses the same. Two programs that grant at once would run into each other.
const LOCK: i64 = 0x6772_616e_7473;

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Role {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Sees to it that the pool's role may do what it has to. Nothing is done where one role does everything.
pub(in crate::store) async fn grant(store: &Store) -> Result<(), StoreError> {
    if !store.has_owner_apart() {
        return Ok(());
    }
    let mut owner = store.owner_connection().await?;
    // Asked for, since an address need not name it.
    let role = current_role(&mut store.own_connection().await?).await?;
    if role == current_role(&mut owner).await? {
        return Ok(());
    }
    sql_query("select pg_advisory_lock($1)").bind::<BigInt, _>(LOCK).execute(&mut owner).await?;
    if !is_granted(&mut owner, &role).await? {
        owner.batch_execute(&statements(&role)).await?;
    }
    Ok(())
}

async fn current_role(conn: &mut Connection) -> Result<String, StoreError> {
    let role: Role = sql_query("select current_user::text as name").get_result(conn).await?;
    Ok(role.name)
}

/// Whether each table has the privileges that [`statements`] gives.
async fn is_granted(owner: &mut Connection, role: &str) -> Result<bool, StoreError> {
    let question = "select coalesce(bool_and(has_table_privilege($1, c.oid, 'select') \
             and has_table_privilege($1, c.oid, 'insert') = (c.relname <> '__diesel_schema_migrations') \
             and has_table_privilege($1, c.oid, 'update') = (c.relname not in ('audit_log', '__diesel_schema_migrations'))), false) \
         as yes from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')";
    let answer: Answer = sql_query(question).bind::<Text, _>(role).get_result(owner).await?;
    Ok(answer.yes)
}

fn statements(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    format!(
        "begin; \
         revoke create on schema public from public; \
         grant usage on schema public to {role}; \
         grant select, insert, update, delete on all tables in schema public to {role}; \
         revoke insert, update, delete on __diesel_schema_migrations from {role}; \
         revoke update, delete on audit_log from {role}; \
         grant usage, select on all sequences in schema public to {role}; \
         alter default privileges in schema public grant select, insert, update, delete on tables to {role}; \
         alter default privileges in schema public grant usage, select on sequences to {role}; \
         commit"
    )
}
