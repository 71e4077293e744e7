require "json"
require "net/http"

uri = URI("{{ endpoint }}")
request = Net::HTTP::Post.new(uri, "Content-Type" => "application/json")
request.basic_auth("{{ username }}", ENV.fetch("WEBHOOK_PASSWORD"))
request.body = JSON.generate(message: "Hello from webhook!")

secure = uri.scheme == "https"
answer = Net::HTTP.start(uri.host, uri.port, use_ssl: secure, read_timeout: 15) do |http|
  http.request(request)
end
puts answer.code, answer.message, answer.body
exit answer.code == "200" && JSON.parse(answer.body)["status"] == "ok"
