drop function former_email(uuid, uuid);
drop index audit_log_email_changes;
