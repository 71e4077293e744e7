-- What the page of a credential reads. When an address was seen first was not written down before, and a program of the release before
-- does not write it: then it is not known.
alter table senders add column first_seen_at timestamptz;
-- The latest lines about one credential, of however many the account has. Made without `concurrently`, which no transaction allows: whoever
-- changes something waits for a moment.
create index audit_log_by_subject on audit_log (account_id, subject, id);
