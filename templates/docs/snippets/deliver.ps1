# PowerShell 7
# pwsh deliver.ps1 EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
# Exit status: 0 stored; 1 this event is refused, don't send it again;
# 75 not stored yet, try later with the same key; 77 nothing would be stored
# as things are: a wrong password or address, a redirect, or an unreadable file.
param([string] $File, [string] $Key = [guid]::NewGuid())
$ErrorActionPreference = "Stop"
trap { [Console]::Error.WriteLine("not sent: $_"); exit 77 }

$login = [Text.Encoding]::UTF8.GetBytes("{{ username }}:$env:WEBHOOK_PASSWORD")
$request = @{
  Uri = "{{ endpoint }}"
  Method = "Post"
  ContentType = "application/json"
  Body = [IO.File]::ReadAllBytes((Resolve-Path $File))
  Headers = @{
    "Authorization" = "Basic " + [Convert]::ToBase64String($login)
    "Idempotency-Key" = $Key
  }
  TimeoutSec = 15
  SkipHttpErrorCheck = $true
  MaximumRedirection = 0  # following one would turn the POST into a GET
  ErrorAction = "SilentlyContinue"  # and a redirect is told below
}

function Test-Stored($status, $text) {
  try { $status -eq 200 -and ($text | ConvertFrom-Json).status -eq "ok" } catch { $false }
}

for ($attempt = 1; $attempt -le 10; $attempt++) {
  $asked = 0
  try {
    $answer = Invoke-WebRequest @request
    $status = [int] $answer.StatusCode
    $text = [Text.Encoding]::UTF8.GetString($answer.RawContentStream.ToArray())
    $target = $answer.Headers["Location"]
    if ($target) { $text = "not stored: the address redirects to $target" }
    if ($answer.Headers["Retry-After"]) { $asked = [int] $answer.Headers["Retry-After"][0] }
  } catch {
    $status = 0
    $text = $_.Exception.Message
  }
  if (Test-Stored $status $text) { $text; exit 0 }
  [Console]::Error.WriteLine("attempt $attempt failed: $status $text")
  if ($status -in 400, 413, 422) { exit 1 }  # what is wrong is the event
  if ($status -notin 0, 408, 429, 502, 503, 504) { exit 77 }
  if ($attempt -lt 10) {
    $longest = [math]::Min(60, [math]::Pow(2, $attempt - 1))
    Start-Sleep -Milliseconds (1000 * $asked + (Get-Random -Maximum ([int] (1000 * $longest))))
  }
}
[Console]::Error.WriteLine("gave up; key: $Key")
exit 75
