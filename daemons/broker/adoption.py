"""The foreign producers' list: an entry is read where it lies, and leaves the list by one script.

BRPOP would take an entry out of the store while nothing but this process knows of it. So nobody
pops it: the script that submits it, or puts it aside, takes it out, if it is the oldest still. Who
dies, and when, makes no difference: an entry is in the list, in the queue or among the rejected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import ResponseError

from daemons.broker.broker import Broker
from daemons.broker.client import Redis, open_redis
from daemons.broker.errors import ForeignListClosed
from protocol import keys

_BLOCK_S = 1
#: A reply later than this behind the server's own time-out means that the connection is dead.
_MARGIN_S = 4.0


class ForeignList:
    """The list as one worker sees it; make one with `open_foreign_list`."""

    def __init__(self, broker: Broker, redis: Redis) -> None:
        self._broker = broker
        self._redis = redis

    async def oldest(self) -> bytes | None:
        """Return the oldest entry, which stays where it is; wait for one for up to a second.

        Raises:
            StoreUnavailable, ForeignListClosed: see there.
        """
        name = keys.ADOPTION_LIST
        try:
            entry: bytes | None = await self._broker.redis.call(("LINDEX", name, -1))
            if entry is None:
                # Onto its own place: this only waits. Cancelled or cut off, it has changed nothing.
                ask = ("BLMOVE", name, name, "RIGHT", "RIGHT", _BLOCK_S)
                entry = await self._redis.call(ask)
        except ResponseError as exc:
            raise ForeignListClosed(f"{name} is no list; rename or delete it ({exc})") from exc
        return entry


@asynccontextmanager
async def open_foreign_list(broker: Broker, *, name: str) -> AsyncIterator[ForeignList]:
    """Open the list on a connection that may wait."""
    url = broker.config.store_url()
    async with open_redis(url, name=name, reply_s=_BLOCK_S + _MARGIN_S) as redis:
        yield ForeignList(broker, redis)
