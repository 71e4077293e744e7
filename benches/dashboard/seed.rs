//! Many events of one account, in every week that is kept: made by PostgreSQL itself, several thousand in a statement, with ids,
//! bodies and counts as the program would have stored them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::prune;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use crate::program::Program;

/// How far back events go. The last week is the one that is being written to.
const WEEKS: i64 = 8;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Of 20 events, one is in the last week.
const OLD_SHARE: f64 = 0.95;
/// Rows of one statement.
const STEP: u64 = 50_000;
const EMPTYING_ATTEMPTS: usize = 60;
/// How many statements run at once.
const HANDS: u64 = 2;
/// Words that one event each has, all in weeks that are over.
pub const RARE_WORDS: u64 = 20;

/// What was made, and how long it took.
pub struct Seeded {
    pub took: Duration,
    /// Of the table with its indexes, in bytes.
    pub stored_bytes: i64,
    /// Where the last week begins.
    pub week_start: Timestamp,
    /// Between the first event and the last week.
    pub began: Timestamp,
}

/// One of the words that one event has.
pub fn rare_word(number: u64) -> String {
    format!("zanzibarite-{number:02}")
}

/// The field `data.name` of that event, which is stored with escapes.
pub fn rare_name(number: u64) -> String {
    format!("Zürich/{}", rare_word(number))
}

/// A connection past the program.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connecting")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Replaces what the account has by so many events.
pub async fn seed(program: &Program, events: u64) -> Result<Seeded> {
    let now = Timestamp::now();
    for weeks in (0..=WEEKS).step_by(4) {
        prune::make_partitions(&program.store, 90, now - WEEK * i32::try_from(weeks)?).await?;
    }
    let client = connect(program.database_url()).await?;
    empty(&client).await?;
    let started = Instant::now();
    let this_week = now.as_second().div_euclid(WEEK.as_secs()) * WEEK.as_secs();
    let week_start = Timestamp::from_second(this_week)?;
    let began = Timestamp::from_second(this_week - (WEEKS - 1) * WEEK.as_secs())?;
    let old = (events as f64 * OLD_SHARE) as u64;
    let account = program.account.0;
    let credentials: Vec<uuid::Uuid> = client
        .query("select id from credentials where account_id = $1 order by id", &[&account])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let insert = insert_sql(account, &credentials, old, (began, week_start), events - old, (week_start, now));
    let hands = (0..HANDS).map(|hand| {
        let insert = &insert;
        async move {
            let client = connect(program.database_url()).await?;
            client.batch_execute("set default_toast_compression = lz4").await?;
            for step in (0..events.div_ceil(STEP)).filter(|step| step % HANDS == hand) {
                let (first, last) = (step * STEP, ((step + 1) * STEP).min(events) - 1);
                client.batch_execute(&insert.replace("$range", &format!("{first}::bigint, {last}::bigint"))).await?;
            }
            anyhow::Ok(())
        }
    });
    futures_util::future::try_join_all(hands).await?;
    client.batch_execute(COUNT).await?;
    // As autovacuum would have done by the time a week is over.
    for table in ["events", "event_counts"] {
        client.batch_execute(&format!("vacuum (analyze) {table}")).await?;
    }
    let size =
        "select sum(pg_total_relation_size(inhrelid))::bigint from pg_inherits where inhparent = 'events'::regclass";
    let stored_bytes = client.query_one(size, &[]).await?.get(0);
    Ok(Seeded { took: started.elapsed(), stored_bytes, week_start, began })
}

/// Upkeep may be making indexes of the same weeks, and then one of the two has to give way.
async fn empty(client: &Client) -> Result<()> {
    for _ in 0..EMPTYING_ATTEMPTS {
        match client.batch_execute("truncate events, event_counts").await {
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => continue,
            outcome => return outcome.context("emptying the tables"),
        }
    }
    bail!("the tables could not be emptied beside the upkeep")
}

/// Events that stand at even distances in two spans of time, the closed weeks and the last one.
fn insert_sql(
    account: uuid::Uuid,
    credentials: &[uuid::Uuid],
    old: u64,
    closed: (Timestamp, Timestamp),
    new: u64,
    open: (Timestamp, Timestamp),
) -> String {
    let millis =
        |(from, to): (Timestamp, Timestamp)| (from.as_millisecond(), to.as_millisecond() - from.as_millisecond());
    let ((closed_from, closed_for), (open_from, open_for)) = (millis(closed), millis(open));
    let senders: Vec<String> = credentials.iter().map(|id| format!("'{id}'")).collect();
    let every = (old / (RARE_WORDS + 1)).max(1);
    format!(
        r#"insert into events (account_id, id, credential_id, remote_ip, user_agent, content_type, headers, body, size_bytes)
        select '{account}', id, credential, remote_ip, 'harbor-inventory/3.8', 'application/json',
            '[["Accept","*/*"],["Content-Length","' || octet_length(body) || '"],["Host","webhooks.example.com"]]',
            body, octet_length(body)
        from (
            select (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || left(hash, 15))::uuid as id,
                (array[{senders}]::uuid[])[1 + n % {count}] as credential,
                ('10.' || n / 65536 % 256 || '.' || n / 256 % 256 || '.' || n % 251)::inet as remote_ip,
                '{{"event":"' || (array['stock.adjusted', 'order.placed', 'order.paid', 'parcel.shipped', 'price.changed'])[1 + n % 5]
                || '","timestamp":"' || to_char(to_timestamp(ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                || '","source":"' || (array['inventory_system', 'shop', 'billing', 'warehouse'])[1 + n % 4]
                || '","data":{{"product_id":"SKU-' || n * 7919 % 100000 || '","quantity":' || n % 97
                || ',"location":"Warehouse ' || chr((65 + n % 6)::int) || '","bin":"C-' || n % 40 || '-' || n % 17
                || '","name":"' || case when n % {every} = {every} - 1 and n / {every} < {RARE_WORDS} and n < {old}
                        then 'Z\u00fcrich\/zanzibarite-' || lpad((n / {every})::text, 2, '0')
                        else (array['Bilge pump 1100, 12 V', 'Anchor chain 8 mm', 'Winch handle', 'Deck paint, grey'])[1 + n % 4] end
                || '","reason":"' || (array['picked', 'counted', 'returned'])[1 + n % 3]
                || '","order":{{"number":' || 40000 + n || ',"priority":"' || case when n % 1000 = 500 then 'critical'
                        when n % 3 = 0 then 'express' else 'standard' end
                || '"}},"tags":["pumps","fast-moving"]}},"trace":"' || left(hash, 20) || '"}}' as body
            from (
                select n, md5(n::text) as hash,
                    case when n < {old} then {closed_from} + n * {closed_for} / {old}
                        else {open_from} + (n - {old}) * {open_for} / {new} end as ms
                from generate_series($range) as n
            ) as moments
        ) as bodies"#,
        senders = senders.join(", "),
        count = credentials.len(),
        new = new.max(1),
        old = old.max(1),
    )
}

/// What the writer would have counted.
const COUNT: &str = r"insert into event_counts (account_id, credential_id, half_hour, writer, accepted, bytes)
    select account_id, credential_id, to_timestamp(ms / 1800000 * 1800), gen_random_uuid(), count(*), sum(size_bytes)
    from (select account_id, credential_id, size_bytes,
            ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint as ms from events) as stored
    group by account_id, credential_id, ms / 1800000";
