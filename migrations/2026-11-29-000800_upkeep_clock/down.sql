-- A program that does not know of detached weeks would leave their tables for ever and find no partition under their names: they come
-- back, and it drops them as it drops others.
do $$
declare
    week record;
begin
    for week in
        select d.* from detached_weeks d join pg_class c on c.oid = to_regclass(d.name) where not c.relispartition
    loop
        execute format(
            'alter table events attach partition %I for values from (%L) to (%L)', week.name, week.first_id, week.end_id
        );
    end loop;
end
$$;
drop table detached_weeks;
drop table upkeep;
