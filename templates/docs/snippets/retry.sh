curl {{ endpoint }} \
  --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/json" \
  --header "Idempotency-Key: order-1042-paid" \
  --data '{"order": 1042, "state": "paid"}' \
  --silent --show-error --fail-with-body --location --max-redirs 0 \
  --retry 8 --retry-connrefused --max-time 15 |
  awk '{ print } /"status":"ok"/ { stored = 1 } END { exit !stored }'
