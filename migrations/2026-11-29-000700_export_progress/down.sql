drop table export_progress;
