-- Pages know the newest passwords of each credential, however often it was rotated. Passwords are made rarely, and the table has a row for each.
create index credential_secrets_by_age on credential_secrets (credential_id, created_at, id) where kind = 'password';
