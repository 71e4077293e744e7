alter table event_removals drop column newest_id;
