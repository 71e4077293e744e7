require "net/http"
answer = Net::HTTP.post(URI("{{ address }}"), "{}", "Content-Type" => "application/json")
abort answer.body unless answer.is_a?(Net::HTTPSuccess)
