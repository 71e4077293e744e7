drop table deleted_accounts;
