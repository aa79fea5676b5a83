"""What is spoken on a connection: HTTP/1.1 and 1.0, nothing else, and refusals in plain words.

Hypercorn would also change to HTTP/2 when a client says so in clear text, and to a WebSocket. Here
nobody needs either: browsers speak HTTP/2 over TLS alone, which is the proxy's, and WebSockets are
the gateway's. A proxy that passes such a change on would no longer see what goes through it, and
what bounds a connection here (`daemons.api.server`) counts on one request at a time.
"""

from __future__ import annotations

import h11
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Body, EndBody, Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import H11SendableEvent

from daemons.api.errors import PROBLEM_TYPE, Refusal
from protocol.codec import encode


def _bad(detail: str) -> Refusal:
    return Refusal(400, "bad-request", detail)


_NO_HTTP = _bad("this is not HTTP/1.1: its first lines or its body's framing are malformed")
_METHOD = _bad("a method is written in capitals")
_WEBSOCKET = _bad("WebSockets are opened at the gateway: see [gateway] listen, port 8001")
_AMBIGUOUS = _bad(
    "the body has two lengths, or one that its version of HTTP does not know; send a "
    "Content-Length or, with HTTP/1.1, Transfer-Encoding: chunked"
)
_VERSION = Refusal(505, "unknown-version", "HTTP/1.1 and 1.0 are spoken here")
#: By the status that h11 finds right; `_NO_HTTP` for all others.
_REFUSALS = {
    431: Refusal(431, "head-too-large", "line and headers are too large; 16384 bytes are taken"),
    501: Refusal(501, "unknown-framing", "no Transfer-Encoding but chunked is taken"),
}


class Http11(H11Protocol):
    """One connection's conversation."""

    #: Whether the request in hand has come to its end.
    _whole = False
    #: The head of an answer, if its body follows at once: they go out as one packet.
    _head = b""

    async def handle(self, event: Event) -> None:
        """Take bytes from the wire, or the end of them."""
        if isinstance(event, RawData) and self.connection.their_state is h11.ERROR:
            return  # nothing more is understood here, so nothing is kept
        await super().handle(event)

    async def _handle_events(self) -> None:
        while True:
            if self.connection.they_are_waiting_for_100_continue:
                await self._send_h11_event(h11.InformationalResponse(status_code=100, headers=[]))
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                await self._misunderstand(error)
                return
            if event is h11.PAUSED:
                await self.can_read.clear()
                await self.can_read.wait()
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return
            elif isinstance(event, h11.Request):
                await self._begin(event)
            elif self.stream is None:
                return
            elif isinstance(event, h11.Data):
                await self.stream.handle(Body(stream_id=STREAM_ID, data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._whole = True
                await self.stream.handle(EndBody(stream_id=STREAM_ID))

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        if isinstance(event, h11.Response) and self.connection.their_state is h11.SEND_BODY:
            # Nobody waits for the body of what is answered at its head: this connection ends.
            headers = [*event.headers, (b"connection", b"close")]
            event = h11.Response(status_code=event.status_code, headers=headers)
        try:
            data = self.connection.send(event) or b""
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        # Only of a stream of events the length is not known, and its head must not wait for one.
        if isinstance(event, h11.Response) and b"content-length" in dict(event.headers):
            self._head = data
            return
        data, self._head = self._head + data, b""
        await self.send(RawData(data))

    async def _begin(self, request: h11.Request) -> None:
        await self.send(Updated(idle=False))
        if refusal := _refusal_of(request):
            await self._refuse(refusal)
            return
        self._whole = False
        self.stream = HTTPStream(
            self.app, self.config, self.context, self.task_group, self.ssl, self.client,
            self.server, self.stream_send, STREAM_ID,
        )  # fmt: skip
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii"),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1

    async def _misunderstand(self, error: h11.RemoteProtocolError) -> None:
        if self.stream is not None and self._whole:
            # It said that this request is its last and went on: the request gets its answer.
            return
        if self.connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self._refuse(_REFUSALS.get(error.error_status_hint, _NO_HTTP))
        else:
            await self.send(Closed())

    async def _refuse(self, refusal: Refusal) -> None:
        data = encode(refusal.document())
        headers = [
            (b"content-type", PROBLEM_TYPE.encode()),
            (b"content-length", b"%d" % len(data)),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        head = h11.Response(status_code=refusal.status, headers=headers)
        events = (head, h11.Data(data=data), h11.EndOfMessage())
        # At once: the application may be about to answer the beginning of the same request.
        await self.send(RawData(b"".join(self.connection.send(each) or b"" for each in events)))
        await self.send(Closed())


def _refusal_of(request: h11.Request) -> Refusal | None:
    headers = dict(request.headers)
    if not request.http_version.startswith(b"1."):
        return _VERSION
    if request.method != request.method.upper():
        return _METHOD
    if headers.get(b"upgrade", b"").lower() == b"websocket":
        return _WEBSOCKET
    # The next hop might find another end of this body than we do. Two such readings of one
    # connection let a client slip a request past whoever checks for us.
    chunked = b"transfer-encoding" in headers
    if chunked and (b"content-length" in headers or request.http_version == b"1.0"):
        return _AMBIGUOUS
    return None
