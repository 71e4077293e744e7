drop index credentials_by_revocation;
