export DATABASE_URL='postgresql://reasoner:PASSWORD@db.example.com:5432/webhooks?sslmode=require'
pg_dump --no-owner --no-acl --no-comments -h "$PWD/data/postgres" -U reasoner \
  reasoner_webhooks > backup.sql &&
psql -X --quiet --single-transaction --set ON_ERROR_STOP=1 "$DATABASE_URL" \
  -f backup.sql \
  -c "do 'begin assert exists (select from public.accounts), ''the old database is empty''; end'" &&
echo "All of it is in the new database."
