"""redis-py on Trio: its commands, callbacks and errors over our connections.

redis-py's command classes are free of any transport: they build arguments, call `execute_command`
and shape the reply. `Redis` gives them one pipelined connection that comes back by itself.

No command is ever sent twice by this module: a caller that gets `StoreUnavailable` decides.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
import trio
from redis._parsers.response_callbacks import get_response_callbacks
from redis.commands import AsyncCoreCommands
from redis.event import EventDispatcher
from redis.exceptions import ResponseError

from daemons.broker.connection import Argument, Connection, pack
from daemons.broker.endpoint import Endpoint
from daemons.broker.errors import StoreUnavailable
from daemons.broker.greeting import connect, greet

log = structlog.get_logger()

_CALLBACKS = {name.upper(): callback for name, callback in get_response_callbacks(3, False).items()}
_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 2.0


async def _nothing(_: Connection) -> None:
    """Stand in for an `on_connect` that has nothing to do."""


def _ignore(_: list[Any]) -> None:
    """Stand in for an `on_push` where no push is expected."""


def pause_s(failures: int) -> float:
    """Return how long to wait after so many tries in a row that failed: growing, with jitter."""
    limit_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2 ** min(failures, 10))
    return random.uniform(_BACKOFF_FIRST_S / 2, limit_s)


class Redis(AsyncCoreCommands):
    """All of redis-py's commands on one connection that reconnects; see `open_redis`."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        wait_s: float,
        reply_s: float,
        on_connect: Callable[[Connection], Awaitable[None]],
        on_push: Callable[[list[Any]], None],
    ) -> None:
        self._event_dispatcher = EventDispatcher()
        self.endpoint = Endpoint(url)
        self._name = name
        self._wait_s = wait_s
        self._reply_s = reply_s
        self._on_connect = on_connect
        self._on_push = on_push
        self._connection: Connection | None = None
        self._changed = trio.Event()
        self._tried = trio.Event()
        self._reason = StoreUnavailable(f"{self.endpoint}: not connected yet")

    @property
    def connected(self) -> bool:
        """Whether commands can be sent right now."""
        return self._usable() is not None

    async def wait_change(self) -> None:
        """Wait until the connection comes or goes."""
        await self._changed.wait()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply in redis-py's shape: what all commands call."""
        name = str(args[0])
        # redis-py writes some commands as two words, such as "CONFIG GET".
        reply = await self.call((*name.split(), *args[1:]))
        callback = _CALLBACKS.get(name.upper())
        options.pop("keys", None)
        return callback(reply, **options) if callback is not None else reply

    async def call(self, args: Sequence[Argument]) -> Any:
        """Send one command and return its bare reply.

        Waits at most `wait_s` for a lost connection to come back, and for the very first as long
        as the first try takes. Cancelling it drops the reply, not the effect.

        Raises:
            StoreUnavailable: see there. ResponseError: the server refused the command.
        """
        connection = self._usable() or await self._live()
        return await connection.call(pack(args))

    async def pipeline_of(self, *commands: Sequence[Argument]) -> list[Any]:
        """Send several commands at once on one connection and return their replies.

        Raises:
            StoreUnavailable: see there. ResponseError: the server refused one of them; the others
                took effect all the same.
        """
        connection = self._usable() or await self._live()
        packed = b"".join(pack(command) for command in commands)
        replies = await connection.call(packed, len(commands))
        if len(commands) == 1:
            return [replies]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return list(replies)

    async def with_connection(self, use: Callable[[Connection], Awaitable[None]]) -> None:
        """Run *use* on the live connection; errors as for `call`, and those of *use*."""
        await use(self._usable() or await self._live())

    def post(self, *args: Argument) -> None:
        """Send a command that is answered by pushes alone, if there is a connection now."""
        if (connection := self._usable()) is not None:
            connection.post(*args)

    def _usable(self) -> Connection | None:
        # A connection fails a moment before the task that keeps it notices.
        connection = self._connection
        return connection if connection is not None and connection.failure is None else None

    async def _live(self) -> Connection:
        await self._tried.wait()
        with trio.move_on_after(self._wait_s):
            while (connection := self._usable()) is None:
                await self._changed.wait()
            return connection
        raise StoreUnavailable(str(self._reason))

    async def serve(self) -> None:
        """Keep a connection up until cancelled."""
        failures = 0
        while True:
            established = await self._connect_once()
            self._tried.set()
            failures = 0 if established else failures + 1
            if failures < 2:
                log.warning("store unreachable", connection=self._name, reason=str(self._reason))
            await trio.sleep(pause_s(failures))

    async def _connect_once(self) -> bool:
        """Connect, greet, stay until the connection fails; return whether it was ever of use."""
        try:
            connection = await connect(
                self.endpoint, connect_s=self._reply_s, reply_s=self._reply_s, on_push=self._on_push
            )
        except StoreUnavailable as exc:
            self._reason = StoreUnavailable(self.endpoint.describe(exc))
            return False
        established = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.run)
            try:
                await greet(connection, self.endpoint, self._name)
                await self._on_connect(connection)
                self._use(connection)
                established = True
                await connection.wait_failed()
            except (StoreUnavailable, ResponseError) as exc:
                connection.fail(str(exc))
            finally:
                self._use(None)
                nursery.cancel_scope.cancel()
        failure = connection.failure
        lost = f"{self.endpoint}: {failure}" if established else self.endpoint.describe(failure)
        self._reason = StoreUnavailable(lost)
        return established

    def _use(self, connection: Connection | None) -> None:
        self._connection = connection
        self._tried.set()
        self._changed.set()
        self._changed = trio.Event()


def open_redis(
    url: str,
    *,
    name: str,
    wait_s: float = 0.5,
    reply_s: float = 5.0,
    on_connect: Callable[[Connection], Awaitable[None]] = _nothing,
    on_push: Callable[[list[Any]], None] = _ignore,
) -> AbstractAsyncContextManager[Redis]:
    """Open a client of the store at *url*, named *name* in the server's CLIENT LIST.

    Returns at once, whether or not the store is there: each command waits *wait_s* for a
    connection (those before the first, for the end of the first try) and then raises
    `StoreUnavailable`. A reply later than *reply_s* ends the connection. *on_connect* runs after
    each greeting, before any other command; what it raises ends the connection.

    Raises:
        ValueError: *url* is no address of a store.
    """
    redis = Redis(
        url, name=name, wait_s=wait_s, reply_s=reply_s, on_connect=on_connect, on_push=on_push
    )
    return _served(redis)


@asynccontextmanager
async def _served(redis: Redis) -> AsyncIterator[Redis]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(redis.serve)  # noqa: ASYNC113 - commands wait for its connection
        try:
            yield redis
        finally:
            nursery.cancel_scope.cancel()
