drop index audit_log_by_subject;
alter table senders drop column first_seen_at;
