-- The second step of signing in. The secret is sealed under a key that is derived from the installation's, together with the id of
-- its user: copied into the row of somebody else it opens nothing. `last_step` is the step of time whose code was used last; a
-- code of that step or of one before it is refused, so that of two uses at once one wins.
create table second_factors (
    user_id uuid not null constraint second_factors_pkey primary key
        constraint second_factors_user_fkey references users (id) on delete cascade,
    sealed_secret bytea not null,
    last_step bigint not null,
    codes_id uuid not null,
    turned_on_at timestamptz not null
);

-- What is left of the recovery codes, as keyed hashes. A code that is used is deleted.
create table recovery_codes (
    user_id uuid not null constraint recovery_codes_factor_fkey references second_factors (user_id) on delete cascade,
    code_hash bytea not null,
    constraint recovery_codes_pkey primary key (user_id, code_hash)
);
