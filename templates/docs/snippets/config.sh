printf 'user = "%s:%s"\n' "{{ username }}" "$WEBHOOK_PASSWORD" |
  curl {{ endpoint }} --config - --fail-with-body --location --max-redirs 0 \
    --header "Content-Type: application/json" \
    --data '{"message": "Hello from webhook!"}'
