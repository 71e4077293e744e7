curl {{ endpoint }} \
  --user "{{ username }}:$WEBHOOK_PASSWORD" \
  --header "Content-Type: application/json" \
  --header "Idempotency-Key: order-1042-paid" \
  --data '{"order": 1042, "state": "paid"}' \
  --fail-with-body --retry 8 --retry-connrefused --max-time 15
