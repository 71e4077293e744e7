curl {{ endpoint }} --user "{{ username }}:%WEBHOOK_PASSWORD%" ^
  --header "Content-Type: application/json" ^
  --data "{\"message\": \"Hello from webhook!\"}"
