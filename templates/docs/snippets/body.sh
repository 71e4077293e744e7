# One body, byte for byte as it was received
reasoner-webhooks events body you@example.com \
  01a20790-fdd8-7c21-9e4a-5d0f6b8a1c37 > body.json
