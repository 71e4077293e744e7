curl -X POST "{{ endpoint }}" \
  -H "Content-Type: application/json" \
  -H "Authorization: Basic $(echo -n "{{ username }}:$WEBHOOK_PASSWORD" | base64)" \
  -d '{"message": "Hello from webhook!"}'
