"""What `gavel status` shows beside the daemons: the queue and the workers, asked from the store."""

from __future__ import annotations

from typing import Any

import trio

from daemons.config import Config

#: A store that does not answer within this time counts as away.
_STORE_S = 2.0
#: What is known of a store that is away.
NOT_SEEN: dict[str, Any] = {"queue": None, "workers": None}


async def look_at_store(config: Config) -> dict[str, Any]:
    """Return ``queue`` and ``workers``; both are None while the store is away."""
    # Imported here: the supervisor runs and restarts without it, and most never ask.
    from daemons.broker import StoreUnavailable, open_broker

    with trio.move_on_after(_STORE_S):
        async with open_broker(config, name="supervisor") as broker:
            try:
                queue = await broker.queue_status()
                workers = await broker.workers()
            except StoreUnavailable:
                return NOT_SEEN
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
                for one in workers
            ],
        }
    return NOT_SEEN
