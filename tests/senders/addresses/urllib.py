from urllib.request import Request, urlopen
urlopen(Request("{{ address }}", b"{}", {"Content-Type": "application/json"}))
