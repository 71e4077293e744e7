import aiohttp, asyncio

async def main():
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.post("{{ address }}", json={}):
        pass

asyncio.run(main())
