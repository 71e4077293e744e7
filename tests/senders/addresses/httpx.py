import httpx
httpx.post("{{ address }}", json={}).raise_for_status()
