import os, httpx

answer = httpx.post(
    "{{ endpoint }}",
    auth=("{{ username }}", os.environ["WEBHOOK_PASSWORD"]),
    json={"message": "Hello from webhook!"},
    timeout=15,
)
answer.raise_for_status()
print(answer.json()["id"])
