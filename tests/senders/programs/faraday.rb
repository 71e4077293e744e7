require "faraday"

http = Faraday.new("{{ endpoint }}") do |builder|
  builder.request :basic_auth, "{{ username }}", ENV.fetch("WEBHOOK_PASSWORD")
end
answer = http.post("/", File.binread("event.json"), "Content-Type" => "application/json")
abort answer.body unless answer.success?
