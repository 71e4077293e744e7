-- Searches of the list of events that somebody saved by a name, for everybody in the account.
create table saved_searches (
    id uuid not null constraint saved_searches_pkey primary key,
    account_id uuid not null constraint saved_searches_account_fkey references accounts (id) on delete cascade,
    name text not null check (length(name) between 1 and 60),
    -- The filters as the address of the list carries them: q=…&credential=…&since=…
    filters text not null check (length(filters) <= 16000),
    constraint saved_searches_name_is_unique unique (account_id, name)
);
