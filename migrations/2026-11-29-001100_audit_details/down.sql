alter table audit_log drop column details, alter column detail drop default;
