$login = [Text.Encoding]::UTF8.GetBytes("{{ username }}:$env:WEBHOOK_PASSWORD")
$event = @{ message = "Hello from webhook!" } | ConvertTo-Json

# Following a redirect would turn the POST into a GET.
$answer = Invoke-RestMethod "{{ endpoint }}" -Method Post -TimeoutSec 15 -MaximumRedirection 0 `
  -Headers @{ Authorization = "Basic " + [Convert]::ToBase64String($login) } `
  -ContentType "application/json" -Body ([Text.Encoding]::UTF8.GetBytes($event))
if ($answer.status -ne "ok") { throw "not stored: $answer" }
$answer
