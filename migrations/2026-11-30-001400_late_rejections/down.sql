alter table held_events drop column rejected_at;
