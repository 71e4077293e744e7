reasoner-webhooks serve --data-dir data-17 --bind 127.0.0.1:0 \
  --ingest-bind= --metrics-bind= --retention-days 36500
