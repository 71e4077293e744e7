drop table event_removals;
drop table event_deletions;
