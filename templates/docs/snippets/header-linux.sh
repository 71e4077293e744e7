echo "Authorization: Basic $(printf '%s' "{{ username }}:$WEBHOOK_PASSWORD" | base64 -w0)"
