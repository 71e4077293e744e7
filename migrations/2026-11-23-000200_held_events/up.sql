-- What arrived with a password whose overlap had ended: refused, but kept for its owner to accept or discard. One index finds the
-- late events of a credential in the order of their arrival, and what is older than they are kept. Two with one key are one event.
create table held_events (
    account_id uuid not null,
    id uuid not null,
    credential_id uuid not null,
    secret_id uuid not null,
    received_at timestamptz not null,
    remote_ip inet not null,
    user_agent text,
    content_type text not null,
    query text,
    headers text not null,
    body text not null,
    size_bytes integer not null,
    idempotency_key bytea,
    body_sha256 bytea,
    constraint held_events_pkey primary key (account_id, id),
    constraint held_events_keys_are_unique unique (account_id, credential_id, idempotency_key),
    constraint held_events_keys_have_digests check ((idempotency_key is null) = (body_sha256 is null))
);
create index held_events_by_credential on held_events (account_id, credential_id, received_at) include (remote_ip, size_bytes);
create index held_events_by_age on held_events (received_at);

-- Neither rewrites its table. An older program, which names its columns, goes on beside a newer one: it holds nothing.
alter table credentials add column holds_late_events boolean not null default true;
alter table events add column accepted_late_at timestamptz;
