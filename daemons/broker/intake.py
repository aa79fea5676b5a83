"""BRPOP that loses nothing: its own connection, never cancelled, ended by CLIENT UNBLOCK.

A cancelled or cut-off BRPOP may have popped an element already. The repair would bring it back, but
seconds later; so the wait on the server is short, the call is shielded, and a stopping worker tells
the server to let go instead of hanging up.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
import trio
from redis.exceptions import ResponseError

from daemons.broker.broker import Broker
from daemons.broker.client import Redis, open_redis
from daemons.broker.connection import Connection
from daemons.broker.errors import StoreUnavailable
from protocol import keys

log = structlog.get_logger()

_BLOCK_S = 1
#: How often each list comes first, out of the sum: high is quick, and nothing ever starves, however
#: much waits in the others.
_WEIGHTS = {"high": 12, "normal": 6, "low": 2, "suspect": 2}
#: A reply later than this behind the server's own time-out means that the connection is dead.
_MARGIN_S = 4.0


class Popped(NamedTuple):
    """One element of the list of *queue*."""

    partition: int
    queue: str
    element: bytes


class Intake:
    """The pop of one worker; make one with `open_intake`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._client_id: int | None = None
        self._sources: dict[bytes, tuple[int, str]] = {
            keys.queue(partition, name).encode(): (partition, name)
            for partition in broker.partitions
            for name in keys.QUEUES
        }
        self.redis: Redis | None = None

    async def greet(self, connection: Connection) -> None:
        """Learn the connection's id, by which it can be unblocked."""
        self._client_id = await connection.command("CLIENT", "ID")

    async def pop(self, *, suspects: bool, first: bool = False) -> Popped | None:
        """Wait up to a second for the next element; None if there was none.

        *suspects* says whether a submission that may kill its worker would be welcome: only when
        nothing else runs here; *first* has them looked for before all others.

        Not cancellable, so that nothing popped is ever dropped: look at your stopping event between
        calls.

        Raises:
            StoreUnavailable: nothing can be popped now; if something was, the repair finds it.
        """
        assert self.redis is not None
        names = self._names(suspects=suspects)
        if first:
            names = sorted(names, key=lambda name: not name.endswith(":suspect"))
        try:
            with trio.CancelScope(shield=True):
                answer = await self.redis.call(("BRPOP", *names, _BLOCK_S))
        except ResponseError as exc:
            log.warning("cannot pop", lists=names, reason=str(exc))
            raise StoreUnavailable(f"cannot pop: {exc}") from exc
        if answer is None:
            return None
        return Popped(*self._sources[answer[0]], answer[1])

    async def unblock(self) -> None:
        """End a pop that waits, without losing what it may have got."""
        if self._client_id is not None:
            try:
                await self._broker.redis.call(("CLIENT", "UNBLOCK", self._client_id))
            except (StoreUnavailable, ResponseError):
                return  # it ends by itself within a second

    def _names(self, *, suspects: bool) -> Sequence[str]:
        """Return the lists in the order in which the server shall look, first first."""
        # Each comes first as often as its weight says (Efraimidis and Spirakis, 2006).
        order = sorted(_WEIGHTS, key=lambda name: -(random.random() ** (1 / _WEIGHTS[name])))
        partitions = self._broker.partitions
        names: list[str] = []
        for name in order:
            if name != "suspect" or suspects:
                shuffled = random.sample(partitions, len(partitions))
                names += (keys.queue(partition, name) for partition in shuffled)
        return names


@asynccontextmanager
async def open_intake(broker: Broker, *, name: str) -> AsyncIterator[Intake]:
    """Open an intake on its own connection."""
    intake = Intake(broker)
    async with open_redis(
        broker.config.store_url(),
        name=name,
        reply_s=_BLOCK_S + _MARGIN_S,
        on_connect=intake.greet,
    ) as redis:
        intake.redis = redis
        yield intake
