drop table late_events;
