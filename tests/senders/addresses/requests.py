import requests
requests.post("{{ address }}", json={}).raise_for_status()
