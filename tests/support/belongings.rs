//! Whether anything that belongs to accounts has changed.

use crate::support::server::TestServer;

/// What acts change, but for the times at which somebody was seen.
const BELONGINGS: &str = "select md5(string_agg(line, ' ' order by line)) from ( \
     select a::text as line from accounts a union all select u::text from users u union all select c::text from credentials c \
     union all select (s.id, s.hash, s.slot, s.expires_at, s.revoked_at, s.extended_at)::text from credential_secrets s \
     union all select s.id::text from sessions s union all select e.id::text from events e \
     union all select h.id::text from held_events h union all select d.id::text from event_deletions d \
     union all select f.user_id::text from second_factors f union all select w::text from saved_searches w \
     union all select r::text from alert_rules r) lines";

/// The same text twice means that nothing has.
pub async fn belongings(server: &TestServer) -> String {
    server.query(BELONGINGS).await[0][0].clone().unwrap()
}
