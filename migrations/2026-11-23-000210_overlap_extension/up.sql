-- How long an overlap was chosen to be, and when it was extended, which can be once. When a password was used for the first time
-- tells whether the one before it has been used since. An older program writes none of these: its overlaps count as 24 hours.
alter table credential_secrets
    add column overlap text,
    add column extended_at timestamptz,
    add column first_used_at timestamptz,
    add constraint credential_secrets_overlap_is_known check (overlap in ('1h', '24h', '7d'));
