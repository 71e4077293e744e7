# Everything, oldest first
reasoner-webhooks events export you@example.com --format ndjson > events.ndjson

# The quantity in each event that has one
reasoner-webhooks events export you@example.com --format ndjson \
  | jq '.body | objects | .data.quantity? // empty'
