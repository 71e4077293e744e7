import os, requests

answer = requests.post(
    "{{ endpoint }}",
    auth=("{{ username }}", os.environ["WEBHOOK_PASSWORD"]),
    json={"message": "Hello from webhook!"},
    timeout=15,
    allow_redirects=False,
)
answer.raise_for_status()
print(answer.json()["id"])
