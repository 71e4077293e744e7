-- Pages know the credentials that were revoked last, of however many there are. Made without `concurrently`, which no transaction allows:
-- the table has a row for each sender, so writers wait for a moment.
create index credentials_by_revocation on credentials (account_id, revoked_at) where revoked_at is not null;
