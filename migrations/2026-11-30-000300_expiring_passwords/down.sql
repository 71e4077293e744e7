alter table users drop column password_expires_at;
