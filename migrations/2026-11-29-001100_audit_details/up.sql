-- Details of the audit log as data. Lines of older releases keep their words in `detail`, and so do those of older programs that run
-- beside this release; they show no details of newer lines.
alter table audit_log add column details jsonb, alter column detail set default '';
