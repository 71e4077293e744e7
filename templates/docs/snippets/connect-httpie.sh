http --ignore-stdin --check-status --auth "{{ username }}:$WEBHOOK_PASSWORD" \
  POST {{ endpoint }} message="Hello from webhook!"
