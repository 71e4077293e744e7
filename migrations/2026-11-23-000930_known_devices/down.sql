alter table users drop column devices_forgotten_at;
