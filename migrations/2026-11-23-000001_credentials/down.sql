drop table credential_secrets;
drop table credentials;
