alter table event_deletions drop column snapshot;
