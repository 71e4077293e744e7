//! Events by the hundred thousand, put into the tables by the database itself.

/// A statement that stores as many events, each a millisecond older than the one before, the first so many days old. `body` is an
/// expression of `n`; `owner` names account and credential.
pub fn insert_many(owner: &str, count: u32, days: u32, body: &str) -> String {
    format!(
        "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
         select {owner_account}, (lpad(to_hex(((extract(epoch from now()) - {days} * 86400) * 1000)::bigint - n), 12, '0') \
         || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, {owner_credential}, '127.0.0.1', 'application/json', '[]', body, \
         octet_length(body) from (select n, {body} as body from generate_series(1, {count}) n) made",
        owner_account = owner.split_once(", ").unwrap().0,
        owner_credential = owner.split_once(", ").unwrap().1,
    )
}
