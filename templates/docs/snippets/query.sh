# The newest events that match
reasoner-webhooks events list you@example.com --query 'data.quantity > 20'

# Three fields of those of the last 7 days, as a spreadsheet
reasoner-webhooks events export you@example.com --since 7d --query 'data exists' \
  --fields data.product_id,data.quantity,data.location > stock.csv

# Those that are yet to come, a line each, until Ctrl-C
reasoner-webhooks events tail you@example.com --query 'tags[] = "urgent"'
