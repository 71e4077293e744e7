import os
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, Request, build_opener

endpoint, passwords = "{{ endpoint }}", HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, endpoint, "{{ username }}", os.environ["WEBHOOK_PASSWORD"])
body = open("event.json", "rb").read()
request = Request(endpoint, body, {"Content-Type": "application/json"})
print(build_opener(HTTPBasicAuthHandler(passwords)).open(request, timeout=15).read().decode())
