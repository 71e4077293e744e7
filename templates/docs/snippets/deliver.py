"""python3 deliver.py EVENT.json [KEY]: sends a JSON file as one event, until it is stored.

Exit status: 0 stored; 1 this event is refused, don't send it again;
75 not stored yet, try later with the same key; 77 nothing would be stored
as things are: a wrong password or address, or a file that can't be read.
"""
import base64, os, random, sys, time, uuid
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ENDPOINT = "{{ endpoint }}"
LOGIN = "{{ username }}:" + os.environ.get("WEBHOOK_PASSWORD", "")
RETRY = {0, 408, 429, 502, 503, 504}
REFUSED = {400, 413, 422}  # what is wrong is the event
ATTEMPTS = 10
LONGEST_WAIT = 60  # seconds


def post(body, key):
    """One attempt: status (0: no answer), text, and how long the answer asks to wait."""
    request = Request(ENDPOINT, data=body, headers={
        "Authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode(),
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    })
    try:
        with urlopen(request, timeout=15) as answer:
            return answer.status, answer.read().decode(), 0
    except HTTPError as error:
        asked = error.headers.get("Retry-After", "")
        text = error.read().decode(errors="replace")
        return error.code, text, int(asked) if asked.isdigit() else 0
    except (OSError, HTTPException) as error:
        return 0, str(error), 0


def deliver(body, key):
    for attempt in range(ATTEMPTS):
        if attempt > 0:
            time.sleep(asked + random.uniform(0, min(LONGEST_WAIT, 2 ** (attempt - 1))))
        status, text, asked = post(body, key)
        if status == 200:
            print(text)
            return 0
        print(f"attempt {attempt + 1}: {status} {text}", file=sys.stderr)
        if status not in RETRY:
            return 1 if status in REFUSED else 77
    print(f"gave up; key: {key}", file=sys.stderr)
    return 75


try:
    with open(sys.argv[1], "rb") as file:
        event = file.read()
    sys.exit(deliver(event, sys.argv[2] if len(sys.argv) > 2 else str(uuid.uuid4())))
except Exception as error:
    print(f"not sent: {error}", file=sys.stderr)
    sys.exit(77)
