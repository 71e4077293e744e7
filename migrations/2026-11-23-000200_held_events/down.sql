alter table events drop column accepted_late_at;
alter table credentials drop column holds_late_events;
drop table held_events;
