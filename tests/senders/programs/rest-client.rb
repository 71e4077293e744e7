require "rest-client"

endpoint = RestClient::Resource.new("{{ endpoint }}", user: "{{ username }}", password: ENV.fetch("WEBHOOK_PASSWORD"))
puts endpoint.post(File.binread("event.json"), content_type: :json)
