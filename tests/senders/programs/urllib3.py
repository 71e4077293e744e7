import os, urllib3

headers = urllib3.make_headers(basic_auth="{{ username }}:" + os.environ["WEBHOOK_PASSWORD"])
headers["Content-Type"] = "application/json"
with open("event.json", "rb") as event:
    answer = urllib3.PoolManager({{ ca_certs }}).request("POST", "{{ endpoint }}", body=event.read(), headers=headers)
assert answer.status == 200, answer.status
