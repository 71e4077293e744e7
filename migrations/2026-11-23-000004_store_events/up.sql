-- Stores a batch of events: checks its passwords, claims its keys, inserts, counts. A single call is a transaction by itself, so a
-- batch takes one message and one answer where begin, four statements and commit took six; on a busy machine those are most of
-- what a batch costs. Each statement keeps its plan for as long as the connection lives.
--
-- All or nothing: a password that may not be used, or a key that somebody has, fails the call, and the program then writes that
-- batch statement by statement, with a verdict for each event. Arrays of one group have one length.
create function store_events(
    secrets uuid[], plans text[], latest timestamptz,
    account_ids uuid[], ids uuid[], credential_ids uuid[], remote_ips inet[], user_agents text[], content_types text[],
    queries text[], header_lists text[], bodies text[], sizes integer[],
    counted_accounts uuid[], counted_credentials uuid[], half_hours timestamptz[], more_accepted bigint[], more_bytes bigint[],
    counter uuid,
    key_accounts uuid[], key_credentials uuid[], keys bytea[], key_events uuid[], digests bytea[]
) returns void language plpgsql as $$
begin
    if (select count(*)
        from credential_secrets s
        join credentials c on c.id = s.credential_id
        join accounts a on a.id = c.account_id
        where s.id = any(secrets) and s.revoked_at is null and (s.expires_at is null or s.expires_at > latest)
            and c.revoked_at is null and c.disabled_at is null and a.plan = any(plans)) <> cardinality(secrets)
    then
        raise check_violation using
            constraint = 'every_password_is_usable', message = 'a password of the batch may no longer be used';
    end if;

    if cardinality(keys) > 0 then
        insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at)
        select new.*, latest from unnest(key_accounts, key_credentials, keys, key_events, digests) as new;
    end if;

    insert into events (account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes)
    select * from unnest(account_ids, ids, credential_ids, remote_ips, user_agents, content_types, queries, header_lists, bodies,
        sizes);

    insert into event_counts as known (account_id, credential_id, half_hour, accepted, bytes, writer)
    select more.*, counter
    from unnest(counted_accounts, counted_credentials, half_hours, more_accepted, more_bytes) as more
    on conflict (account_id, credential_id, half_hour, writer) do update
    set accepted = known.accepted + excluded.accepted, bytes = known.bytes + excluded.bytes;
end
$$;
