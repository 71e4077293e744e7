create table credentials (
    id uuid not null constraint credentials_pkey primary key,
    account_id uuid not null constraint credentials_account_fkey references accounts (id) on delete cascade,
    name text not null,
    username text not null constraint credentials_username_is_unique unique,
    created_at timestamptz not null,
    disabled_at timestamptz,
    revoked_at timestamptz,
    constraint credentials_username_has_its_shape check (username ~ '^rw_[a-z0-9]{8}$')
);
create index credentials_by_account on credentials (account_id, created_at);

-- The passwords of credentials: an argon2id hash, and the first 4 of the random characters, which are public and pick the row.
-- `slot` is held while a password may still work and given back when it has ended. Two slots and a unique constraint keep
-- "at most two live passwords" true under any number of rotations at once; a constraint cannot look at the clock itself.
create table credential_secrets (
    id uuid not null constraint credential_secrets_pkey primary key,
    credential_id uuid not null constraint credential_secrets_credential_fkey references credentials (id) on delete cascade,
    hint text not null,
    hash text not null,
    slot smallint,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    last_used_ip inet,
    last_used_agent text,
    constraint credential_secrets_hint_is_unique unique (credential_id, hint),
    constraint credential_secrets_slot_is_unique unique (credential_id, slot),
    constraint credential_secrets_slots_are_two check (slot in (1, 2)),
    constraint credential_secrets_revoked_gives_slot_back check (revoked_at is null or slot is null),
    constraint credential_secrets_hint_has_its_shape check (hint ~ '^[0-9A-Za-z]{4}$')
);
