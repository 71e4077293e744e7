# events.ndjson has an event a line, at most 1,000. Exit status 0: every line is stored.
curl {{ endpoint }} \
  --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/x-ndjson" \
  --header "Idempotency-Key: $(openssl dgst -sha256 -r events.ndjson | cut -c1-64)" \
  --data-binary @events.ndjson \
  --silent --show-error --fail-with-body --location --max-redirs 0 \
  --retry 8 --retry-connrefused --max-time 15 |
  awk '{ print } /"status":"ok"/ { stored = 1 } END { exit !stored }'
