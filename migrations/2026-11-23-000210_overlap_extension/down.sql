alter table credential_secrets
    drop column overlap,
    drop column extended_at,
    drop column first_used_at;
