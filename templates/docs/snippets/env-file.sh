chmod 600 .env
echo .env >> .gitignore
set -a; . ./.env; set +a   # puts WEBHOOK_PASSWORD into the environment
