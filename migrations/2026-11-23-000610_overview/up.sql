-- What the overview reads. Half hours are for the last days; upkeep adds older ones to the counts of their day, so that a month of a
-- busy account is as many rows as it has days and credentials. Days are those of UTC.
create table daily_counts (
    account_id uuid not null,
    credential_id uuid not null,
    day timestamptz not null,
    accepted bigint not null,
    rejected bigint not null,
    bytes bigint not null,
    constraint daily_counts_pkey primary key (account_id, credential_id, day)
);

-- The addresses that accepted events came from. A credential has a bounded number of them; which events came from where, the events say.
create table senders (
    account_id uuid not null,
    credential_id uuid not null,
    remote_ip inet not null,
    last_seen_at timestamptz not null,
    constraint senders_pkey primary key (account_id, credential_id, remote_ip)
);
create index senders_by_age on senders (last_seen_at);
