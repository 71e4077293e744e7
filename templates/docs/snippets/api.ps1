param($Method, $Path, $Body)

$request = @{
  Uri = "{{ public_url }}/api/v1$Path"
  Method = $Method
  Headers = @{ Authorization = "Bearer $env:API_TOKEN" }
  ContentType = "application/json"
  TimeoutSec = 90
}
if ($Body) { $request.Body = [Text.Encoding]::UTF8.GetBytes($Body) }
(Invoke-WebRequest @request).Content
