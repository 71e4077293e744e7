"""A rotation function with the four steps of AWS Secrets Manager, by nothing but the documented API, and senders that never pause.

SERVER, TOKEN, CREDENTIAL, USERNAME and PASSWORD are in the environment. Prints how many events were sent and how many were refused.
"""

import base64
import json
import os
import threading
import time
import urllib.error
import urllib.request

API = os.environ["SERVER"] + "/api/v1"
USERNAME = os.environ["USERNAME"]
CREDENTIAL = f"{API}/credentials/{os.environ['CREDENTIAL']}"
ROTATIONS = 3
SENDERS = 4
# How long a sender keeps a secret that it has read.
KEEPS_SECRET_FOR = 0.5


def ask(url, authorization, body=None):
    """The status and the JSON of an answer."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def bearer():
    return "Bearer " + os.environ["TOKEN"]


def basic(password):
    return "Basic " + base64.b64encode(f"{USERNAME}:{password}".encode()).decode()


class SecretsManager:
    """What a rotation function uses of it: versions of one secret, under the labels of their stages."""

    def __init__(self, password):
        self.stages = {"AWSCURRENT": password}

    def get(self, stage):
        return self.stages.get(stage)

    def put(self, stage, password):
        self.stages[stage] = password

    def promote(self):
        self.stages["AWSPREVIOUS"] = self.stages["AWSCURRENT"]
        self.stages["AWSCURRENT"] = self.stages.pop("AWSPENDING")


def create_secret(secrets):
    if secrets.get("AWSPENDING") is None:
        status, answer = ask(f"{CREDENTIAL}/rotation", bearer(), {"overlap": "1h"})
        assert status == 201, answer
        secrets.put("AWSPENDING", answer["password"])


def set_secret(secrets):
    """The password works since it was created; what is left is to see that it is the current one."""
    status, answer = ask(f"{CREDENTIAL}/passwords", bearer())
    assert status == 200, answer
    current = [one["hint"] for one in answer["passwords"] if one["state"] == "current"]
    assert current == [secrets.get("AWSPENDING")[4:8]], answer


def test_secret(secrets):
    status, answer = ask(f"{API}/self", basic(secrets.get("AWSPENDING")))
    assert status == 200 and answer["is_newest"], answer


def finish_secret(secrets):
    """Senders take the new one; the old one is stopped when none of them has used it for a while."""
    secrets.promote()
    while True:
        status, answer = ask(f"{CREDENTIAL}/old-password-revocation", bearer(), {"only_if_unused_for": "2s"})
        if status == 200:
            return
        assert answer["code"] == "still_used", answer
        time.sleep(0.2)


def send_without_pause(secrets, has_ended, answers):
    while not has_ended.is_set():
        password, read_at = secrets.get("AWSCURRENT"), time.monotonic()
        while time.monotonic() - read_at < KEEPS_SECRET_FOR and not has_ended.is_set():
            answers.append(ask(os.environ["SERVER"] + "/", basic(password), {"rotation": True})[0])


secrets, has_ended, answers = SecretsManager(os.environ["PASSWORD"]), threading.Event(), []
senders = [threading.Thread(target=send_without_pause, args=(secrets, has_ended, answers)) for _ in range(SENDERS)]
for sender in senders:
    sender.start()
try:
    for _ in range(ROTATIONS):
        before = secrets.get("AWSCURRENT")
        for step in [create_secret, set_secret, test_secret, finish_secret]:
            step(secrets)
        status, _ = ask(f"{API}/self", basic(before))
        assert status == 401, "the old password works no more"
finally:
    has_ended.set()
    for sender in senders:
        sender.join()
print(json.dumps({"sent": len(answers), "refused": sum(status != 200 for status in answers)}))
