printf '%s' "$WEBHOOK_PASSWORD" | wc -c
