import base64, json, os
from urllib.request import Request, urlopen

login = "{{ username }}:" + os.environ["WEBHOOK_PASSWORD"]
request = Request(
    "{{ endpoint }}",
    data=json.dumps({"message": "Hello from webhook!"}).encode(),
    headers={
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    },
)
with urlopen(request, timeout=15) as answer:
    print(answer.status, answer.read().decode())
