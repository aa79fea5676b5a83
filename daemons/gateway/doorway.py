"""From an accepted TCP connection to a WebSocket, or to the one page that there is.

A browser needs `gateway.js` from somewhere, and here it needs no second server: a plain GET for it
is answered. Everything else must be a WebSocket handshake, from an `Origin` that is allowed; what
is not a browser sends no `Origin`, so that this keeps out foreign pages and nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from typing import NamedTuple

import trio
from trio_websocket import WebSocketConnection, wrap_server_stream
from wsproto.connection import ConnectionType
from wsproto.events import Event
from wsproto.handshake import H11Handshake

from daemons.gateway.late_pings import leave_late_pings
from daemons.gateway.stream import ClientStream
from protocol.frames import MAX_FIRST_MESSAGE_BYTES

#: From the TCP connection to a complete WebSocket handshake. trio-websocket's own is 60 s.
HANDSHAKE_S = 5.0
#: What one read takes; a client's messages are small and idle ones are many.
_RECEIVE_BYTES = 4096

_SCRIPT = files("daemons.gateway").joinpath("static/gateway.js").read_bytes()
_ASKS_FOR_SCRIPT = re.compile(rb"GET /gateway\.js(\?\S*)? HTTP/1\.[01]\r\n")
_SCRIPT_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript; charset=utf-8\r\nContent-Length: %d\r\n"
    # Pages of any origin may load it; which of them may open a socket is another question.
    b"Access-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\n"
    b"Cache-Control: max-age=300\r\nConnection: close\r\n\r\n%s"
) % (len(_SCRIPT), _SCRIPT)


#: RFC 6455, 4.2.1, points 1 and 5, which wsproto does not check.
_BAD_REQUEST = re.compile(
    rb"[^\r\n]* HTTP/1\.0\r\n"
    rb"|(?s:.*)\r\nsec-websocket-key:(?![ \t]*[a-z0-9+/]{22}==[ \t]*\r\n)",
    re.IGNORECASE,
)
_BAD_REQUEST_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ANSWERS = ((_ASKS_FOR_SCRIPT, _SCRIPT_ANSWER), (_BAD_REQUEST, _BAD_REQUEST_ANSWER))


class Entered(NamedTuple):
    """A WebSocket, and the program at its other end by its own account (`User-Agent`)."""

    ws: WebSocketConnection
    program: str


class Doorway:
    """Lets WebSockets in.

    Args:
        origins: whose pages may open one, such as ``https://judge.example``; empty: all.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def enter(self, stream: ClientStream, nursery: trio.Nursery) -> Entered | None:
        """Do the WebSocket handshake; return None if there is none, or the peer goes.

        Takes at most `HANDSHAKE_S`. The WebSocket's reader runs in *nursery*.
        """
        with trio.move_on_after(HANDSHAKE_S) as scope:
            head = await stream.peek_head()
            for asks, answer in _ANSWERS:
                if asks.match(head):
                    await stream.send_all(answer)
                    return None
            # trio-websocket would wait on for a request from a peer whom it has turned away.
            stream.on_end = partial(scope.cancel, reason="the peer has ended")
            request = await wrap_server_stream(
                nursery,
                stream,
                max_message_size=MAX_FIRST_MESSAGE_BYTES,
                receive_buffer_size=_RECEIVE_BYTES,
            )
            headers = dict(request.headers)
            origin = headers.get(b"origin")
            if self._origins and origin is not None and not self._allows(origin):
                await request.reject(403, body=b"[gateway] origins does not name this page's\n")
                return None
            ws = await request.accept()
            stream.on_end = None
            _forget_handshake(ws)
            leave_late_pings(ws)
            stream.begin(ws)
            return Entered(ws, headers.get(b"user-agent", b"").decode("latin-1"))
        return None

    def _allows(self, origin: bytes) -> bool:
        return origin.decode("latin-1").lower() in self._origins


class _NoHandshake(H11Handshake):
    """A handshake of which nothing more comes; one for all."""

    def events(self) -> Iterator[Event]:  # type: ignore[override]
        """Return no events."""
        return iter(())


_NO_HANDSHAKE = _NoHandshake(ConnectionType.SERVER)


def _forget_handshake(ws: WebSocketConnection) -> None:
    """Let go of the HTTP parser and the request: 3 of the 31 kB that an idle client takes."""
    ws._wsproto.handshake = _NO_HANDSHAKE
