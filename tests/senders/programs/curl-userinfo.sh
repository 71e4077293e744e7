curl "{{ scheme }}://{{ username }}:$WEBHOOK_PASSWORD@{{ authority }}/" \
  --header "Content-Type: application/json" --data-binary @event.json
