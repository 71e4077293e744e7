-- The page says how many events an export has before it begins, and the browser how far its download is. A program of the release before
-- logs that it cannot write its notes, and goes on exporting.
drop table export_progress;
