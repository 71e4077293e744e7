-- How far the exports are that browsers download, for the instances that do not send them themselves. Of use for a minute: not logged,
-- so that writing costs no flush, and empty after a crash of the server. Older programs neither read nor write it.
create unlogged table export_progress (
    account_id uuid not null constraint export_progress_account_fkey references accounts (id) on delete cascade,
    name text not null,
    state text not null,
    seen bigint not null,
    expected bigint not null,
    events bigint not null,
    bytes bigint not null,
    began_at timestamptz not null,
    updated_at timestamptz not null,
    constraint export_progress_pkey primary key (account_id, name)
);
