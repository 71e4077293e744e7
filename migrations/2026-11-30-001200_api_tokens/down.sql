drop index credentials_by_external_id;
alter table credentials drop column external_id;
alter table audit_log drop column token_name;
drop table api_token_values;
drop table api_tokens;
