import base64, json, os, sys
from urllib.request import HTTPRedirectHandler, Request, build_opener

class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # following one would turn the POST into a GET

login = "{{ username }}:" + os.environ["WEBHOOK_PASSWORD"]
request = Request(
    "{{ endpoint }}",
    data=json.dumps({"message": "Hello from webhook!"}).encode(),
    headers={
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    },
)
with build_opener(NoRedirects).open(request, timeout=15) as answer:
    text = answer.read().decode()
print(answer.status, text)
if answer.status != 200 or json.loads(text)["status"] != "ok":
    sys.exit("not stored")
