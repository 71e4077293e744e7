alter table second_factors drop column key_id;
alter table installation drop column session_key_sealed_under;
drop table installation_keys;
