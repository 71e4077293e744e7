curl {{ endpoint }} --fail-with-body --location --max-redirs 0 ^
  --user "{{ username }}:%WEBHOOK_PASSWORD%" ^
  --header "Content-Type: application/json" ^
  --data "{\"message\": \"Hello from webhook!\"}"
