-- How long an account's events are kept, where that is shorter than the installation keeps them. Nothing is rewritten, and an older
-- program goes on beside a newer one: it shows what the newer one no longer does.
alter table accounts
    add column retention_days integer,
    add constraint accounts_retention_is_positive check (retention_days > 0);
