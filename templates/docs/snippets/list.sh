# The newest 20 events of one credential
reasoner-webhooks events list you@example.com --limit 20 --credential {{ username }}

# What a search finds in one day
reasoner-webhooks events list you@example.com --query SKU-12345 \
  --since 2026-11-22T00:00:00Z --until 2026-11-23T00:00:00Z --json
