{
  printf 'POST / HTTP/1.0\r\nHost: {{ authority }}\r\nContent-Type: application/json\r\n'
  printf 'Authorization: Basic %s\r\n' "$(printf '%s' "{{ username }}:$WEBHOOK_PASSWORD" | base64 -w0)"
  printf 'Content-Length: %s\r\n\r\n' "$(wc -c < event.json)"
  cat event.json
} | socat -t 20 - {{ socat }}
