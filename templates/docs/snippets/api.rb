require "net/http"

method, path, body = ARGV
uri = URI("{{ public_url }}/api/v1#{path}")
request = Net::HTTP.const_get(method.capitalize).new(
  uri,
  "Authorization" => "Bearer #{ENV.fetch("API_TOKEN")}",
  "Content-Type" => "application/json",
)
request.body = body if body

secure = uri.scheme == "https"
answer = Net::HTTP.start(uri.host, uri.port, use_ssl: secure, read_timeout: 90) do |http|
  http.request(request)
end
puts answer.body
exit answer.is_a?(Net::HTTPSuccess)
