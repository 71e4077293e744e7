createdb --encoding UTF8 --template template0 webhooks
psql --quiet --set ON_ERROR_STOP=1 webhooks < backup.sql
