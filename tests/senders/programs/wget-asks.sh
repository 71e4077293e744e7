wget --quiet --output-document=- --user="{{ username }}" --password="$WEBHOOK_PASSWORD" \
  --header="Content-Type: application/json" --post-file=event.json {{ endpoint }}
