# A new password; the old one works for another 24 hours
reasoner-webhooks credential rotate {{ username }} --overlap 24h

# The old one works for another 24 hours after that, which can be said once
reasoner-webhooks credential extend {{ username }}

# Who has used which password, and from where
reasoner-webhooks credential list you@example.com --json \
  | jq '.[] | select(.username == "{{ username }}") | .passwords'
