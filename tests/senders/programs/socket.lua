local http, https, ltn12 = require("socket.http"), require("ssl.https"), require("ltn12")
local mime = require("mime")
local event = io.open("event.json", "rb"):read("*a")
local endpoint = "{{ endpoint }}"
local _, status = (endpoint:match("^https") and https or http).request {
  url = endpoint, method = "POST", source = ltn12.source.string(event),
  headers = {
    ["Authorization"] = "Basic " .. mime.b64("{{ username }}:" .. os.getenv("WEBHOOK_PASSWORD")),
    ["Content-Type"] = "application/json", ["Content-Length"] = #event,
  },
  verify = "peer", cafile = "{{ ca }}",
}
assert(status == 200, status)
