# What the credential accepts now
reasoner-webhooks credential set {{ username }}

# JSON lines and lists as an event each, and bodies in gzip
reasoner-webhooks credential set {{ username }} --batches on --gzip on

# Each delivery of GitHub once, and only from these networks
reasoner-webhooks credential set {{ username }} --dedupe-header X-GitHub-Delivery \
  --networks 127.0.0.1,203.0.113.0/24,2001:db8::/32

# An address with a secret in it, printed once
reasoner-webhooks credential address {{ username }}
