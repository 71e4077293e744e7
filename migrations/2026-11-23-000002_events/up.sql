-- Ids are UUIDv7, so a range of ids is a range of time: the primary key is the only index, and retention drops partitions.
-- `body` is text because jsonb cannot hold every valid JSON (\u0000, lone surrogates, large exponents) and rewrites the rest;
-- `body::jsonb` still works for all that jsonb can hold. No foreign keys: the insert itself checks the credential.
create table events (
    account_id uuid not null,
    id uuid not null,
    credential_id uuid not null,
    remote_ip inet not null,
    user_agent text,
    content_type text not null,
    query text,
    headers text not null,
    body text not null,
    size_bytes integer not null,
    constraint events_pkey primary key (account_id, id)
) partition by range (id);

-- Charts and totals read this and never scan events. `writer` tells running programs apart, so that two of them never wait
-- for each other's row locks at a commit.
create table event_counts (
    account_id uuid not null,
    credential_id uuid not null,
    half_hour timestamptz not null,
    writer uuid not null,
    accepted bigint not null default 0,
    rejected bigint not null default 0,
    bytes bigint not null default 0,
    constraint event_counts_pkey primary key (account_id, credential_id, half_hour, writer)
);

-- Refused requests whose username is known: at most one row a second per credential and reason.
create table rejections (
    account_id uuid not null,
    id uuid not null,
    credential_id uuid not null,
    reason text not null,
    second timestamptz not null,
    hint text,
    detail text,
    remote_ip inet not null,
    user_agent text,
    size_bytes bigint,
    count integer not null default 1,
    constraint rejections_pkey primary key (account_id, id),
    constraint rejections_are_rolled_up unique (account_id, credential_id, reason, second)
);

create table idempotency_keys (
    account_id uuid not null,
    credential_id uuid not null,
    key bytea not null,
    event_id uuid not null,
    body_sha256 bytea not null,
    created_at timestamptz not null,
    constraint idempotency_keys_pkey primary key (account_id, credential_id, key),
    constraint idempotency_keys_are_short check (octet_length(key) <= 255)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
