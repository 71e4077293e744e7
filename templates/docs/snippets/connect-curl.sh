curl {{ endpoint }} --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --json '{"message": "Hello from webhook!"}'
