"""python3 deliver.py EVENT.json [KEY]: sends a JSON file as one event, until it is stored.

Exit status: 0 stored; 1 this event is refused, don't send it again;
75 not stored yet, try later with the same key; 77 nothing would be stored
as things are: a wrong password or address, a redirect, or an unreadable file.
"""
import base64, json, os, random, sys, time, uuid
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

ENDPOINT = "{{ endpoint }}"
LOGIN = "{{ username }}:" + os.environ.get("WEBHOOK_PASSWORD", "")
RETRY = {0, 408, 429, 502, 503, 504}
REFUSED = {400, 413, 422}  # what is wrong is the event
ATTEMPTS = 10
LONGEST_WAIT = 60  # seconds


class NoRedirects(HTTPRedirectHandler):
    """Following one would turn the POST into a GET, which stores nothing."""

    def redirect_request(self, *_):
        return None


OPENER = build_opener(NoRedirects)


def post(body, key):
    """One attempt: status (0: no answer), text, and how long the answer asks to wait."""
    request = Request(ENDPOINT, data=body, headers={
        "Authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode(),
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    })
    try:
        with OPENER.open(request, timeout=15) as answer:
            return answer.status, answer.read().decode(errors="replace"), 0
    except HTTPError as error:
        asked = error.headers.get("Retry-After", "")
        text = error.read().decode(errors="replace")
        if "Location" in error.headers:
            text = "not stored: the address redirects to " + error.headers["Location"]
        return error.code, text, int(asked) if asked.isdigit() else 0
    except (OSError, HTTPException) as error:
        return 0, str(error), 0


def is_stored(status, text):
    try:
        return status == 200 and json.loads(text)["status"] == "ok"
    except (ValueError, LookupError, TypeError):
        return False


def deliver(body, key):
    for attempt in range(ATTEMPTS):
        if attempt > 0:
            time.sleep(asked + random.uniform(0, min(LONGEST_WAIT, 2 ** (attempt - 1))))
        status, text, asked = post(body, key)
        if is_stored(status, text):
            print(text)
            return 0
        print(f"attempt {attempt + 1} failed: {status} {text}", file=sys.stderr)
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
