drop function committed_after(xid, pg_snapshot);
