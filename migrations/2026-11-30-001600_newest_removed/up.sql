-- The newest event that was deleted of a half hour: who follows events is told of deletions behind a cursor of the same half hour.
alter table event_removals add column newest_id uuid;
