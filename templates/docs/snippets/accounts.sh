# An account on Pro; the password is printed once
reasoner-webhooks account create ben@example.com --name "Harbor Supply"

# A new password for somebody who forgot theirs, which ends their sessions
reasoner-webhooks account password ben@example.com

# A link that signs in once, for somebody who is kept out by guesses
reasoner-webhooks account sign-in-link ben@example.com

# What an account may have; without a number it prints that
reasoner-webhooks account limits ben@example.com --credentials 20 --events 5000000

# Webhooks are part of Pro. On Free, senders get 403 from their next request on
reasoner-webhooks account plan ben@example.com free
reasoner-webhooks account list
