-- A sender that goes on with a revoked password may send a thousand times a second; the audit log gets one line a day. When the
-- last one was written stands with the password, so that one conditional update decides it for all programs.
alter table credential_secrets add column use_after_revoke_told_at timestamptz;

-- What may expire next, for the look that happens every minute.
create index credential_secrets_by_end on credential_secrets (expires_at) where slot is not null;
