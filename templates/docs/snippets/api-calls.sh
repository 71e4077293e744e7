# What the token is
sh api.sh GET /self

# Find events
sh api.sh GET '/events?q=message%20exists&limit=10'

# Follow events: from now on, and then from the cursor of each answer on
sh api.sh GET '/events?after=now'
sh api.sh GET '/events?after=CURSOR&wait=60'

# Create a credential, once however often this runs, and rotate its password
sh api.sh POST /credentials '{"name": "Shop", "external_id": "shop-1"}'
sh api.sh POST /credentials/ID/rotation '{"overlap": "24h"}'
