import base64, http.client, os
from urllib.parse import urlsplit

endpoint = urlsplit("{{ endpoint }}")
login = base64.b64encode(f"{{ username }}:{os.environ['WEBHOOK_PASSWORD']}".encode()).decode()
kind = http.client.HTTPSConnection if endpoint.scheme == "https" else http.client.HTTPConnection
connection = kind(endpoint.hostname, endpoint.port, timeout=15)
headers = {"Authorization": "Basic " + login, "Content-Type": "application/json"}
# An iterable has no length, so that it goes in chunks.
connection.request("POST", "/", iter([open("event.json", "rb").read()]), headers, encode_chunked=True)
print(connection.getresponse().read().decode())
