-- Accounts that are gone, while what they received is erased in small steps. A row stays for a day, because an event that was
-- being stored when its account went may land a moment later: events have no foreign key.
create table deleted_accounts (
    account_id uuid not null constraint deleted_accounts_pkey primary key,
    deleted_at timestamptz not null
);
