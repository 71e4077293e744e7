drop table audit_log;
drop function refuse_to_change_the_audit_log();
