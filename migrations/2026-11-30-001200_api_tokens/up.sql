-- API tokens: what programs read and change an account with.
create table api_tokens (
    id uuid not null constraint api_tokens_pkey primary key,
    account_id uuid not null constraint api_tokens_account_fkey references accounts (id) on delete cascade,
    user_id uuid not null constraint api_tokens_user_fkey references users (id) on delete cascade,
    name text not null,
    scopes text not null,
    -- The credentials that it may see, by their ids with a space between; empty: all.
    credentials text not null default '',
    networks cidr[] not null default '{}',
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    last_used_ip inet,
    last_used_agent text,
    constraint api_tokens_networks_are_bounded check (cardinality(networks) <= 100)
);
create index api_tokens_of_account on api_tokens (account_id, created_at);

-- The values that open a token: the present one, and after a rotation for a while the one before. Each is found by the SHA-256 of all of
-- it, since 131 random bits need no slow hash.
create table api_token_values (
    hash text not null constraint api_token_values_pkey primary key,
    token_id uuid not null constraint api_token_values_token_fkey references api_tokens (id) on delete cascade,
    hint text not null,
    issued_at timestamptz not null,
    -- Set when another takes its place.
    ends_at timestamptz
);
create index api_token_values_of_token on api_token_values (token_id);

-- The token with which somebody acted, by the name that it had then.
alter table audit_log add column token_name text;

-- What a program calls the credential that it creates, so that creating it twice creates one.
alter table credentials
    add column external_id text,
    add constraint credentials_external_id_is_bounded check (char_length(external_id) between 1 and 100);
create unique index credentials_by_external_id on credentials (account_id, external_id) where revoked_at is null;
