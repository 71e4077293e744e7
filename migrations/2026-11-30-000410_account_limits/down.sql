drop index accounts_with_storage_limits;
alter table accounts
    drop column max_credentials,
    drop column max_sessions,
    drop column max_events,
    drop column max_bytes,
    drop column when_full;
