old="$PWD/data/postgres" new="$PWD/data-17/postgres"
psql -X --quiet -h "$new" -U reasoner reasoner_webhooks \
  -c "do 'begin assert not exists (select from accounts), ''the new database is in use''; end'" &&
pg_dump --no-owner --no-acl -h "$old" -U reasoner reasoner_webhooks > backup.sql &&
dropdb --if-exists -h "$new" -U reasoner restored &&
createdb --encoding UTF8 --template template0 -h "$new" -U reasoner restored &&
psql -X --quiet --single-transaction --set ON_ERROR_STOP=1 -h "$new" -U reasoner restored \
  -f backup.sql \
  -c "do 'begin assert exists (select from public.accounts), ''the old database is empty''; end'" &&
psql -X --quiet --set ON_ERROR_STOP=1 -h "$new" -U reasoner postgres \
  -c "drop database reasoner_webhooks with (force)" \
  -c "alter database restored rename to reasoner_webhooks" &&
echo "All of it is in the new database."
