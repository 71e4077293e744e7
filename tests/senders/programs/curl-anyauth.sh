curl {{ endpoint }} --anyauth --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/json" --data-binary @event.json
