create or replace function committed_after(row_xmin xid, seen pg_snapshot) returns boolean language sql stable as $$
    select not pg_visible_in_snapshot(greatest(
        (newest - (newest & 4294967295)) + low - case when low > (newest & 4294967295) then 4294967296 else 0 end, 1
    )::text::xid8, seen)
    from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as newest, row_xmin::text::bigint as low) as numbers
$$;
