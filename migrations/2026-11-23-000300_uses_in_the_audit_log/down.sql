drop index credential_secrets_by_end;
alter table credential_secrets drop column use_after_revoke_told_at;
