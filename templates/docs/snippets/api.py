import os, sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

method, path, *body = sys.argv[1:]
request = Request(
    "{{ public_url }}/api/v1" + path,
    method=method,
    data=body[0].encode() if body else None,
    headers={
        "Authorization": "Bearer " + os.environ["API_TOKEN"],
        "Content-Type": "application/json",
    },
)
try:
    with urlopen(request, timeout=90) as answer:
        print(answer.read().decode())
except HTTPError as refused:
    sys.exit(f"{refused.code} {refused.read().decode()}")
