drop function snapshot_with_origin();
