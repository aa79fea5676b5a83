"""An async client of the gateway: a user's events, in order, each once, across lost connections.

```python
async with open_events("ws://127.0.0.1:8001/", "u1") as events:
    async for event in events:
        print(event["type"], event["submission_id"])
```

It remembers the id of the last event and says it as `after` when it comes back, and tries again at
growing intervals with full jitter, so that a restarted gateway is not met by a stampede. It is
what `gavel watch` and `gavel submit --wait` use; `static/gateway.js` is the same for browsers.
"""

from __future__ import annotations

import json
import math
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from daemons.gateway.late_pings import leave_late_pings
from protocol.frames import FATAL_CODES

Event = dict[str, Any]

#: From the first packet to `ready`; the gateway gives up on its store after some 2 s.
_CONNECT_S = 5.0
#: Between tries: full jitter below a limit that doubles.
_BACKOFF_FIRST_S = 0.2
_BACKOFF_MAX_S = 30.0
#: A gateway of whom nothing is heard for so long is asked whether he lives, and has so long for it.
_SILENCE_S = 30.0
_PONG_S = 10.0
_FAREWELL_S = 1.0
#: An event can hold the output of a compiler.
_MAX_MESSAGE_BYTES = 4 << 20


class GatewayError(Exception):
    """The events can't be followed, or no longer."""


class BadAddress(GatewayError):
    """The address is no `ws://` or `wss://` URL."""


class Unreachable(GatewayError):
    """Nobody answers there, or nobody who speaks as the gateway does."""


class Refused(GatewayError):
    """The gateway closed, with a code that says that another try would end the same way."""


class Events:
    """The events of one user; iterate over it. Make one with `open_events`.

    Each item is an event as docs/protocol.md tells it, a dict; or, where some are missing,
    ``{"type": "gap", "reason": "trimmed" | "fork"}``: re-read the state over HTTP, then go on.

    Attributes:
        position: the id of the last event; that of the newest there was, before the first.
    """

    def __init__(
        self,
        address: _Address,
        hello: Event,
        nursery: trio.Nursery,
        patience_s: float,
        on_away: Callable[[], object],
    ) -> None:
        self.position: int | None = hello.get("after")
        self._address = address
        self._hello = hello
        self._nursery = nursery
        self._patience_s = patience_s
        self._on_away = on_away
        self._ws: WebSocketConnection | None = None
        self._gap: Event | None = None

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        return await self.receive()

    async def receive(self) -> Event:
        """Return the next item; wait for it if there is none. Cancelling loses nothing.

        Raises:
            Unreachable: the gateway has been away for `patience_s`. Refused: see there.
        """
        while True:
            if self._gap is not None:
                gap, self._gap = self._gap, None
                return gap
            if self._ws is None:
                await self._come_back()
                continue
            try:
                frame = _read(await _hear(self._ws))
            except (ConnectionClosed, trio.TooSlowError):
                await self.leave()
            else:
                if self._is_news(frame):
                    return frame

    async def connect(self) -> None:
        """Connect and wait for `ready`.

        Raises:
            Unreachable: it did not come to that. Refused: see there.
        """
        try:
            with trio.fail_after(_CONNECT_S):
                self._ws = await self._nursery.start(_serve_connection, self._address)
                position = {} if self.position is None else {"after": self.position}
                await self._ws.send_message(json.dumps(self._hello | position))
                self._is_news(_read(await self._ws.get_message()))
        except ConnectionClosed as exc:
            raise _explained(self._address.url, exc) from exc
        except trio.TooSlowError as exc:
            raise Unreachable(f"{self._address.url} gave no answer in {_CONNECT_S:g} s") from exc

    async def _come_back(self) -> None:
        """Try to connect until it works; errors as for `receive`."""
        self._on_away()
        away_since, failures = trio.current_time(), 0
        while True:
            await trio.sleep(random.uniform(0, min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2**failures)))
            failures = min(failures + 1, 10)
            try:
                await self.connect()
            except Unreachable:
                if trio.current_time() - away_since > self._patience_s:
                    raise
            else:
                return
            await self.leave()

    def _is_news(self, frame: Event) -> bool:
        """Note what *frame* says, and tell whether it is an event that the caller has not."""
        if frame["type"] == "ready":
            self._note_ready(frame)
            return False
        if self.position is not None and frame["id"] <= self.position:
            return False
        self.position = frame["id"]
        return True

    def _note_ready(self, ready: Event) -> None:
        if self.position is None:
            # From here on `after` can be said, even if the connection goes before an event comes.
            self.position = ready["head"]
        if not ready["recovered"]:
            self._gap = {"type": "gap", "reason": ready["reason"]}
            # After a fork all that is kept comes, and its ids may be lower than those that were.
            self.position = 0 if ready["reason"] == "fork" else self.position

    async def leave(self) -> None:
        """Close the connection, if there is one; the other side gets a moment to answer."""
        ws, self._ws = self._ws, None
        if ws is not None:
            with trio.move_on_after(_FAREWELL_S):
                await ws.aclose()


@asynccontextmanager
async def open_events(
    url: str,
    user_id: str,
    *,
    after: int | None = None,
    token: str | None = None,
    patience_s: float = math.inf,
    on_away: Callable[[], object] = lambda: None,
) -> AsyncIterator[Events]:
    """Follow the events of *user_id* at *url*: all that happen from the moment this enters.

    Args:
        url: the gateway, `ws://` or `wss://`.
        user_id: whose events.
        after: id of the last event that is known; those after it come first.
        token: where the gateway asks for one.
        patience_s: how long a gateway that goes away is waited for. One that is not there at the
            beginning is not waited for.
        on_away: called each time the connection is lost.

    Raises:
        GatewayError: one of its kinds; like all that is raised inside, in an exception group.
    """
    # An id of its own: what another client has seen is nothing to resume from.
    hello: Event = {"user_id": user_id, "client": f"py-{secrets.token_hex(8)}"}
    hello |= {} if after is None else {"after": after}
    hello |= {} if token is None else {"token": token}
    async with trio.open_nursery() as nursery:
        events = Events(_Address.parse(url), hello, nursery, patience_s, on_away)
        try:
            await events.connect()
            yield events
        finally:
            with trio.move_on_after(_FAREWELL_S, shield=True):
                await events.leave()
            nursery.cancel_scope.cancel(reason="the events are no longer followed")


class _Address(NamedTuple):
    """A gateway's URL in the pieces that a connection needs."""

    url: str
    host: str
    port: int
    tls: bool
    authority: str
    resource: str

    @classmethod
    def parse(cls, url: str) -> _Address:
        """Read a `ws://` or `wss://` URL.

        Raises:
            BadAddress: it is none.
        """
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError as exc:
            raise BadAddress(f"{url}: {exc}") from exc
        if parts.scheme not in ("ws", "wss") or not host:
            raise BadAddress(f"{url} is no address such as ws://127.0.0.1:8001/")
        tls = parts.scheme == "wss"
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(url, host, port or (443 if tls else 80), tls, parts.netloc, resource)


async def _serve_connection(
    address: _Address, *, task_status: trio.TaskStatus[WebSocketConnection]
) -> None:
    """Hand over a WebSocket and stay until it ends; then its socket is closed, whatever happened.

    Raises:
        Unreachable: there is no WebSocket to be had.
    """
    ws: WebSocketConnection | None = None
    failure: BaseException | None = None
    try:
        async with await _open_stream(address) as stream, trio.open_nursery() as own:
            wrap = partial(wrap_client_stream, max_message_size=_MAX_MESSAGE_BYTES)
            ws = await wrap(own, stream, address.authority, address.resource)
            leave_late_pings(ws)
            task_status.started(ws)
    except* (OSError, HandshakeError, ConnectionClosed, trio.BrokenResourceError) as group:
        failure = group
    # One that fails later has closed its channel, and whoever reads there is told.
    if ws is None:
        raise Unreachable(f"no WebSocket gateway answers at {address.url}") from failure


async def _open_stream(address: _Address) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    stream = await trio.open_tcp_stream(address.host, address.port)
    if not address.tls:
        return stream
    context = ssl.create_default_context()
    return trio.SSLStream(stream, context, server_hostname=address.host)


async def _hear(ws: WebSocketConnection) -> str | bytes:
    """Return the next message; in a long silence see to it that the other side still lives.

    Raises:
        ConnectionClosed: it has closed. trio.TooSlowError: it answers no ping.
    """
    while True:
        with trio.move_on_after(_SILENCE_S):
            return await ws.get_message()
        with trio.fail_after(_PONG_S):
            await ws.ping()


def _read(message: str | bytes) -> Event:
    """Return the frame that *message* is.

    Raises:
        Unreachable: it is none; whoever sent it is no gateway.
    """
    try:
        frame = json.loads(message)
    except ValueError:
        frame = None
    if not isinstance(frame, dict) or "type" not in frame:
        raise Unreachable("what answers there does not speak as Gavel's gateway does")
    return frame


def _explained(url: str, exc: ConnectionClosed) -> GatewayError:
    if exc.reason is None:
        return Unreachable(f"the gateway at {url} went away")
    said = f"the gateway at {url} closed: {exc.reason.code} {exc.reason.reason or ''}".rstrip()
    return Refused(said) if exc.reason.code in FATAL_CODES else Unreachable(said)
