create or replace function store_events(
    webhook_plans text[], latest timestamptz, keys_kept_since timestamptz, counter uuid, secrets uuid[],
    account_ids uuid[], credential_ids uuid[], secret_ids uuid[], arrivals timestamptz[], ids uuid[], remote_ips inet[],
    user_agents text[], content_types text[], queries text[], header_lists text[], bodies text[], sizes integer[],
    key_accounts uuid[], key_credentials uuid[], keys bytea[], key_events uuid[], digests bytea[]
) returns table (event_id uuid, refusal text, first_event_id uuid, has_same_body boolean) language plpgsql as $$
declare
    not_stored uuid[] := '{}';
    claimed bigint;
    forgotten bigint;
begin
    if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
        perform set_config('synchronous_commit', 'on', true);
    end if;

    -- A few rows by primary key tell that every password may be used, which is nearly always so.
    if (select count(*)
        from credential_secrets s
        join credentials c on c.id = s.credential_id
        join accounts a on a.id = c.account_id
        where s.id = any(secrets) and s.revoked_at is null and (s.expires_at is null or s.expires_at > latest)
            and c.revoked_at is null and c.disabled_at is null and a.plan = any(webhook_plans) and c.networks = '{}')
        <> cardinality(secrets)
    then
        for event_id, refusal in
            select verdict.id, verdict.refusal
            from (
                select sent.id, case
                    when s.id is null or s.revoked_at is not null or c.revoked_at is not null then 'revoked_password'
                    when s.expires_at <= sent.arrival then 'expired_password'
                    when c.disabled_at is not null then 'credential_disabled'
                    when a.plan <> all(webhook_plans) then 'pro_required'
                    when c.networks <> '{}' and not sent.remote_ip <<= any(c.networks) then 'address_not_allowed'
                end as refusal
                from unnest(ids, secret_ids, arrivals, remote_ips) as sent (id, secret_id, arrival, remote_ip)
                left join credential_secrets s on s.id = sent.secret_id
                left join credentials c on c.id = s.credential_id
                left join accounts a on a.id = c.account_id
            ) as verdict
            where verdict.refusal is not null
        loop
            not_stored := not_stored || event_id;
            return next;
        end loop;
    end if;

    if cardinality(keys) > 0 then
        -- At most twice: the second time without keys that are older than they are kept, whether they have been pruned or not. By the
        -- clocks of program and database both: one that is ahead would forget a key, and store its retry again.
        for attempt in 1..2 loop
            insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at)
            select new.account_id, new.credential_id, new.key, new.event_id, new.digest, latest
            from unnest(key_accounts, key_credentials, keys, key_events, digests)
                as new (account_id, credential_id, key, event_id, digest)
            where new.event_id <> all(not_stored)
            on conflict do nothing;
            get diagnostics claimed = row_count;
            exit when attempt = 2 or claimed = cardinality(keys);
            delete from idempotency_keys as known
            using unnest(key_accounts, key_credentials, keys) as new (account_id, credential_id, key)
            where known.account_id = new.account_id and known.credential_id = new.credential_id and known.key = new.key
                and known.created_at <= least(keys_kept_since, now() - interval '7 days');
            get diagnostics forgotten = row_count;
            exit when forgotten = 0;
        end loop;
        if claimed < cardinality(keys) then
            refusal := null;
            for event_id, first_event_id, has_same_body in
                select new.event_id, known.event_id, known.body_sha256 = new.digest
                from unnest(key_accounts, key_credentials, keys, key_events, digests)
                    as new (account_id, credential_id, key, event_id, digest)
                join idempotency_keys known on known.account_id = new.account_id
                    and known.credential_id = new.credential_id and known.key = new.key
                where known.event_id <> new.event_id and new.event_id <> all(not_stored)
            loop
                not_stored := not_stored || event_id;
                return next;
            end loop;
        end if;
    end if;

    insert into events (account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes)
    select sent.*
    from unnest(account_ids, ids, credential_ids, remote_ips, user_agents, content_types, queries, header_lists, bodies, sizes)
        as sent (account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes)
    where sent.id <> all(not_stored);

    insert into event_counts as known (account_id, credential_id, half_hour, accepted, bytes, writer)
    select sent.account_id, sent.credential_id, date_bin('30 minutes', sent.arrival, 'epoch'), count(*), sum(sent.size), counter
    from unnest(account_ids, credential_ids, arrivals, ids, sizes) as sent (account_id, credential_id, arrival, id, size)
    where sent.id <> all(not_stored)
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (account_id, credential_id, half_hour, writer) do update
    set accepted = known.accepted + excluded.accepted, bytes = known.bytes + excluded.bytes;
end
$$;

alter table event_counts drop column header_bytes;
alter table daily_counts drop column header_bytes;
alter table event_removals drop column header_bytes;
