cat event.json | curl {{ endpoint }} --request POST --upload-file - --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/json" --header "Transfer-Encoding: chunked" --header "Expect: 100-continue"
