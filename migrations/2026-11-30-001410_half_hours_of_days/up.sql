-- The half hours that the counts of a day are made of, so that a chart has days as they are where its reader is. They are stored apart from
-- the row, which totals go on reading alone. Days that were put together before have none, nor do those that a program of the release
-- before puts together.
alter table daily_counts
    add column half_hours timestamptz[],
    add column accepted_parts bigint[],
    add column rejected_parts bigint[],
    add column bytes_parts bigint[];
alter table daily_counts set (toast_tuple_target = 128);
