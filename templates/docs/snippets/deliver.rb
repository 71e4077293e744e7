# ruby deliver.rb EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
# Exit status: 0 stored; 1 this event is refused, don't send it again;
# 75 not stored yet, try later with the same key; 77 nothing would be stored
# as things are: a wrong password or address, a redirect, or an unreadable file.
require "json"
require "net/http"
require "openssl"
require "securerandom"

ENDPOINT = URI("{{ endpoint }}")
USERNAME = "{{ username }}"
RETRY = [0, 408, 429, 502, 503, 504]
REFUSED = [400, 413, 422] # what is wrong is the event
ATTEMPTS = 10
LONGEST_WAIT = 60 # seconds
NO_ANSWER = [SystemCallError, SocketError, IOError, Timeout::Error,
             OpenSSL::SSL::SSLError, Net::HTTPBadResponse]

# One attempt: status (0: no answer), text, and how long the answer asks to wait.
def post(body, key)
  request = Net::HTTP::Post.new(ENDPOINT)
  request["Content-Type"] = "application/json"
  request["Idempotency-Key"] = key
  request.basic_auth(USERNAME, ENV["WEBHOOK_PASSWORD"].to_s)
  request.body = body
  options = { use_ssl: ENDPOINT.scheme == "https", open_timeout: 5, read_timeout: 15 }
  answer = Net::HTTP.start(ENDPOINT.host, ENDPOINT.port, options) do |http|
    http.request(request)
  end
  target = answer["Location"] # following it would turn the POST into a GET
  text = target ? "not stored: the address redirects to #{target}" : answer.body
  [answer.code.to_i, text, answer["Retry-After"].to_i]
rescue *NO_ANSWER => error
  [0, error.message, 0]
end

def stored?(status, text)
  status == 200 && JSON.parse(text)["status"] == "ok"
rescue JSON::ParserError, TypeError, NoMethodError
  false
end

def deliver(body, key)
  (1..ATTEMPTS).each do |attempt|
    status, text, asked = post(body, key)
    if stored?(status, text)
      puts text
      return 0
    end
    warn "attempt #{attempt} failed: #{status} #{text}"
    return REFUSED.include?(status) ? 1 : 77 unless RETRY.include?(status)
    sleep(asked + rand * [LONGEST_WAIT, 2**(attempt - 1)].min) if attempt < ATTEMPTS
  end
  warn "gave up; key: #{key}"
  75
end

begin
  exit deliver(File.binread(ARGV[0]), ARGV[1] || SecureRandom.uuid)
rescue StandardError => error
  warn "not sent: #{error.message}"
  exit 77
end
