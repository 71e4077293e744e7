require "httparty"

answer = HTTParty.post("{{ endpoint }}",
                       basic_auth: { username: "{{ username }}", password: ENV.fetch("WEBHOOK_PASSWORD") },
                       headers: { "Content-Type" => "application/json" }, body: File.binread("event.json"))
abort answer.body unless answer.success?
