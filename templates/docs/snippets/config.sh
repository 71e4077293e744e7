printf 'user = "%s:%s"\n' "{{ username }}" "$WEBHOOK_PASSWORD" |
  curl {{ endpoint }} --config - \
    --header "Content-Type: application/json" \
    --data '{"message": "Hello from webhook!"}'
