wget2 --no-http2 --output-document=- \
  --user="{{ username }}" --password="$WEBHOOK_PASSWORD" \
  --header="Content-Type: application/json" \
  --post-data='{"message": "Hello from webhook!"}' {{ endpoint }}
