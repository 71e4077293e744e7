curl {{ endpoint }} --http2 --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/json" --data-binary @event.json
