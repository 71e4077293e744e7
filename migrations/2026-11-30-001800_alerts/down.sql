drop index api_tokens_by_end;
drop table alert_evaluation;
drop table alert_settings;
drop table alert_rules;
drop table alert_changes;
drop table alerts;
