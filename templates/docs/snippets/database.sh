DATABASE_URL=postgresql://reasoner:PASSWORD@db.example.com:5432/webhooks?sslmode=require
DATABASE_URL='postgresql:///webhooks?host=/run/postgresql&user=reasoner'
