"""Group commit: submissions that have to wait for the same fsync wait together.

WAITAOF holds up everything behind it on its connection until the disk, or a replica, has caught up.
So submissions that need it go over a connection of their own, many at a time: all that have come
while the last batch waited go out together with one WAITAOF behind them. The connection is opened
by the first of them; a server with `appendfsync always` never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import outcome
import trio

from daemons.broker.client import Redis
from daemons.broker.connection import Argument, Connection, pack
from daemons.broker.durability import Proof
from daemons.broker.errors import StoreUnavailable


class _Entry:
    """One command that waits to be sent and proved."""

    __slots__ = ("command", "done", "proof", "result")

    def __init__(self, proof: Proof, command: Sequence[Argument]) -> None:
        self.proof = proof
        self.command = command
        self.done = trio.Event()
        self.result: outcome.Outcome[Any] = outcome.Error(StoreUnavailable("the client is closing"))


class Commits:
    """Sends commands on the connection that *open_* opens, and waits until they are kept."""

    def __init__(self, open_: Callable[[], AbstractAsyncContextManager[Redis]]) -> None:
        self._open = open_
        self._waiting: list[_Entry] = []
        self._filled = trio.Event()

    async def call(self, proof: Proof, command: Sequence[Argument]) -> Any:
        """Send *command* and return its reply once the store has given *proof*.

        Raises:
            StoreUnavailable: it may have taken effect, but is not kept as promised.
            ResponseError: the server refused it.
        """
        entry = _Entry(proof, command)
        self._waiting.append(entry)
        self._filled.set()
        await entry.done.wait()
        return entry.result.unwrap()

    async def serve(self) -> None:
        """Send what waits, batch by batch, until cancelled."""
        await self._filled.wait()
        async with self._open() as redis:
            while True:
                await self._filled.wait()
                self._filled = trio.Event()
                batch, self._waiting = self._waiting, []
                await self._commit(redis, batch)

    async def _commit(self, redis: Redis, batch: list[_Entry]) -> None:
        # A server that changes its settings meanwhile asks for no other proof, only for none.
        proof = batch[-1].proof
        commands = [*(entry.command for entry in batch), proof.command]
        replies: list[Any] = []

        async def send(connection: Connection) -> None:
            packed = b"".join(pack(command) for command in commands)
            replies.extend(await connection.call(packed, len(commands)))

        try:
            await redis.with_connection(send)
            missing = proof.missing(replies.pop())
        except StoreUnavailable as exc:
            missing = exc
        for entry, reply in zip(batch, replies or [missing] * len(batch), strict=True):
            if isinstance(reply, Exception):
                entry.result = outcome.Error(reply)
            elif missing is not None:
                entry.result = outcome.Error(StoreUnavailable(str(missing)))
            else:
                entry.result = outcome.Value(reply)
            entry.done.set()
