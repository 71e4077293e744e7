-- When the refusal of a held event is listed, for the first event of each request: accepted, it is listed as refused no more. A program
-- of the release before does not write it, and what it holds stays listed as refused too.
alter table held_events add column rejected_at timestamptz;
-- A refusal is listed at the first of its repeats, of about a second.
update held_events h set rejected_at = coalesce((select max(r.second) from rejections r where r.account_id = h.account_id and
    r.credential_id = h.credential_id and r.reason = 'expired_password' and r.second <= h.received_at), h.received_at)
where not exists (select from held_events o where o.account_id = h.account_id and o.credential_id = h.credential_id and
    o.received_at = h.received_at and o.id < h.id);
