wget --no-verbose --output-document=- --auth-no-challenge \
  --user="{{ username }}" --password="$WEBHOOK_PASSWORD" \
  --header="Content-Type: application/json" \
  --post-data='{"message": "Hello from webhook!"}' {{ endpoint }}
