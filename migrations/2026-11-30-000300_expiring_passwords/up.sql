-- A password that the command line made was seen by somebody else than its user: until this time it signs in, to be changed.
alter table users add column password_expires_at timestamptz;
