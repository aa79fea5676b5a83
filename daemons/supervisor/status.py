"""What `gavel status` shows beside the daemons: queue, workers, store; asked from the store."""

from __future__ import annotations

import re
from typing import Any

import trio

from daemons.broker import Broker, StoreUnavailable, open_broker
from daemons.config import Config
from protocol import keys

#: A store that does not answer within this time counts as away.
_STORE_S = 2.0
#: Rates are those of so many last seconds.
_RATE_S = 10
#: What is known of a store that is away.
NOT_SEEN: dict[str, Any] = {"queue": None, "workers": None, "store": None}

_MEMORY = re.compile(rb"^used_memory:(\d+)", re.MULTILINE)


async def look_at_store(config: Config) -> dict[str, Any]:
    """Return ``queue``, ``workers`` and ``store``; all are None while the store is away."""
    with trio.move_on_after(_STORE_S):
        async with open_broker(config, name="supervisor") as broker:
            try:
                return await _look(broker)
            except StoreUnavailable:
                return NOT_SEEN
    return NOT_SEEN


async def _look(broker: Broker) -> dict[str, Any]:
    queue = await broker.queue_status()
    return {
        "queue": {"depth": queue.depth, "running": queue.running, "dead": queue.dead},
        "workers": [
            {
                "name": one.name,
                "slots": one.slots,
                "busy": one.busy,
                "grade": one.grade,
                "closed": list(one.closed),
            }
            for one in await broker.workers()
        ],
        "store": await _look_inside(broker),
    }


async def _look_inside(broker: Broker) -> dict[str, Any]:
    """Return the store's memory, how much was ever queued, and how fast it is judged now."""
    call = broker.redis.call
    memory = _MEMORY.search(await call(("INFO", "memory")))
    now_s = int((await call(("TIME",)))[0])
    recent = ((now_s - _RATE_S) * 1000, "+inf")
    queued = [await call(("HGET", keys.meta(each), "qseq")) for each in broker.partitions]
    judged = [await call(("ZCOUNT", keys.finished(each), *recent)) for each in broker.partitions]
    return {
        "memory_bytes": int(memory[1]) if memory else 0,
        "queued_total": sum(int(each or 0) for each in queued),
        "judged_per_s": sum(judged) / _RATE_S,
    }
