"Authorization: Basic " + [Convert]::ToBase64String(
  [Text.Encoding]::ASCII.GetBytes("{{ username }}:$env:WEBHOOK_PASSWORD"))
