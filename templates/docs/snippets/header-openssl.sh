echo "Authorization: Basic $(printf '%s' "{{ username }}:$WEBHOOK_PASSWORD" | openssl base64 -A)"
