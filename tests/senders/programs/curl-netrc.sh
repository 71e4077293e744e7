printf 'machine %s login %s password %s\n' {{ host }} {{ username }} "$WEBHOOK_PASSWORD" > .netrc
curl -n {{ endpoint }} --header "Content-Type: application/json" --data-binary @event.json
