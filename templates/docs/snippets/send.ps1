$login = [Text.Encoding]::UTF8.GetBytes("{{ username }}:$env:WEBHOOK_PASSWORD")
$event = @{ message = "Hello from webhook!" } | ConvertTo-Json

Invoke-RestMethod "{{ endpoint }}" -Method Post -TimeoutSec 15 `
  -Headers @{ Authorization = "Basic " + [Convert]::ToBase64String($login) } `
  -ContentType "application/json" -Body ([Text.Encoding]::UTF8.GetBytes($event))
