drop table idempotency_keys;
drop table rejections;
drop table event_counts;
drop table events;
