drop index credential_secrets_by_age;
