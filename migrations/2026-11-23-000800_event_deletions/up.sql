-- Deletions of many events, from the order to the end. `next_id` is how far one is, so that another program can go on with it; what
-- has arrived since the order is beyond `end_id`. One at a time for each account.
create table event_deletions (
    account_id uuid not null,
    id uuid not null,
    started_at timestamptz not null,
    credential_id uuid,
    query text,
    next_id uuid not null,
    end_id uuid not null,
    description text not null,
    seen bigint not null default 0,
    deleted bigint not null default 0,
    cancelled_at timestamptz,
    ended_at timestamptz,
    constraint event_deletions_pkey primary key (account_id, id)
);
create unique index event_deletions_one_at_a_time on event_deletions (account_id) where ended_at is null;

-- What was deleted before its time: the counts say what was received, and less this is what is stored.
create table event_removals (
    account_id uuid not null,
    half_hour timestamptz not null,
    events bigint not null,
    bytes bigint not null,
    constraint event_removals_pkey primary key (account_id, half_hour)
);
