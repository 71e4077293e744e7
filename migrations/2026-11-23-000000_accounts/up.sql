-- One row: the keys of this installation. They live here so that a dump, restored elsewhere, brings working credentials.
-- `ingest_url` is the endpoint that the program last served, for commands that were not told it.
create table installation (
    id boolean not null default true constraint installation_pkey primary key,
    session_key bytea not null,
    checksum_key bytea not null,
    created_at timestamptz not null,
    set_up_at timestamptz,
    ingest_url text,
    constraint installation_is_one_row check (id)
);

create table accounts (
    id uuid not null constraint accounts_pkey primary key,
    name text not null,
    plan text not null,
    created_at timestamptz not null,
    constraint accounts_plan_is_known check (plan in ('free', 'pro'))
);

create table users (
    id uuid not null constraint users_pkey primary key,
    account_id uuid not null constraint users_account_fkey references accounts (id) on delete cascade,
    email text not null constraint users_email_is_unique unique,
    password_hash text not null,
    password_changed_at timestamptz not null,
    created_at timestamptz not null,
    constraint users_email_is_folded check (email = lower(email))
);
create index users_by_account on users (account_id);

-- A session is found by the SHA-256 of the key in the cookie: who reads this table cannot sign in with it.
create table sessions (
    key_hash bytea not null constraint sessions_pkey primary key,
    id uuid not null constraint sessions_id_is_unique unique,
    user_id uuid constraint sessions_user_fkey references users (id) on delete cascade,
    state text not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    remote_ip inet,
    user_agent text
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_end on sessions (expires_at);
