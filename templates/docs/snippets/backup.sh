pg_dump --no-owner --no-acl -h "$PWD/data/postgres" -U reasoner reasoner_webhooks > backup.sql
