-- What is committed now, and where these transactions are counted: the server, its timeline and the table of events. A dump and restore
-- make another table, an upgrade makes another server, and a failover begins another timeline; a position that was taken before means
-- other transactions there. `min_recovery_end_timeline` is the new timeline until the first checkpoint on it. The program's role may be one
-- that reads rows alone.
create function snapshot_with_origin() returns text language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select concat_ws(
        '-',
        pg_current_snapshot()::text || ':' || (select system_identifier from pg_control_system()),
        greatest((select timeline_id from pg_control_checkpoint()), (select min_recovery_end_timeline from pg_control_recovery())),
        'public.events'::regclass::oid
    )
$$;
