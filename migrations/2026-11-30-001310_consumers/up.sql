-- Consumers: readers of events whose position is kept until they acknowledge what they were handed out.
create table consumers (
    id uuid not null constraint consumers_pkey primary key,
    account_id uuid not null constraint consumers_account_fkey references accounts (id) on delete cascade,
    name text not null check (char_length(name) between 1 and 60),
    -- What it reads: a search, and credentials by their ids with a space between; empty: all.
    query text not null check (char_length(query) <= 1000),
    credentials text not null check (length(credentials) <= 4000),
    position text not null check (length(position) <= 16384),
    -- Counts the changes of the position and of what was handed out behind it, so that of two readers one changes it.
    step bigint not null default 0,
    -- What was handed out and not acknowledged: its events, the position behind them, and what was said of events that are missing.
    handed_ids uuid[] not null default '{}' check (cardinality(handed_ids) <= 200),
    handed_end text check (length(handed_end) <= 16384),
    handed_truncated text,
    -- What was said last of events that are missing, for its owner.
    truncated text,
    truncated_at timestamptz,
    created_at timestamptz not null,
    last_pulled_at timestamptz,
    last_acked_at timestamptz,
    constraint consumers_name_is_unique unique (account_id, name)
);
