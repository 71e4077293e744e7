$typed = Read-Host "Password" -AsSecureString
$env:WEBHOOK_PASSWORD = [Net.NetworkCredential]::new("", $typed).Password
