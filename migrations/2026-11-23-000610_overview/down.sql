drop table senders;
drop table daily_counts;
