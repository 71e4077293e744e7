{
  printf 'POST / HTTP/1.1\r\nHost: {{ authority }}\r\nConnection: close\r\nContent-Type: application/json\r\n'
  printf 'Authorization: Basic %s\r\n' "$(printf '%s' "{{ username }}:$WEBHOOK_PASSWORD" | base64 -w0)"
  printf 'Content-Length: %s\r\n\r\n' "$(wc -c < event.json)"
  cat event.json
} | ncat --no-shutdown {{ ncat }}
