import asyncio, os, aiohttp

async def main():
    login = aiohttp.BasicAuth("{{ username }}", os.environ["WEBHOOK_PASSWORD"])
    async with aiohttp.ClientSession(auth=login, raise_for_status=True) as session:
        event = {"message": "Hello from webhook!"}
        async with session.post("{{ endpoint }}", json=event) as answer:
            print((await answer.json())["id"])

asyncio.run(main())
