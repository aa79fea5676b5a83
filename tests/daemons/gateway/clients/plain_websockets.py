"""PyPI's `websockets` as the plainest of clients: says who it is, prints, comes back when cut off."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def main(url: str, user: str) -> None:
    """Print the user's messages for ever."""
    async for ws in connect(url, proxy=None):
        try:
            await ws.send(user)
            async for message in ws:
                print(message, flush=True)
        except ConnectionClosed:
            pass
        await asyncio.sleep(0.1)


asyncio.run(main(*sys.argv[1:]))
