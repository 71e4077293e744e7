-- What an account may have, where the operator has set something else than the plan's default, and what happens when its storage is full.
-- Null is the default, so that nothing is rewritten. An older program beside a newer one has no limits.
alter table accounts
    add column max_credentials integer,
    add column max_sessions integer,
    add column max_events bigint,
    add column max_bytes bigint,
    add column when_full text not null default 'refuse',
    add constraint accounts_max_credentials_is_not_negative check (max_credentials >= 0),
    add constraint accounts_max_sessions_is_positive check (max_sessions > 0),
    add constraint accounts_max_events_is_positive check (max_events > 0),
    add constraint accounts_max_bytes_is_positive check (max_bytes > 0),
    add constraint accounts_when_full_is_known check (when_full in ('refuse', 'delete_oldest'));
-- Asked every few seconds, and few accounts have one.
create index accounts_with_storage_limits on accounts (id) where max_events is not null or max_bytes is not null;
