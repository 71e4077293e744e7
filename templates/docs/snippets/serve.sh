PUBLIC_URL=https://webhooks.example.com TRUSTED_PROXIES=127.0.0.1 \
  reasoner-webhooks serve
