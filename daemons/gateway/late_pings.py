"""A ping that comes when we have said goodbye already is left unanswered, as RFC 6455 wants.

Nothing may follow a close frame, so wsproto refuses to send the pong; trio-websocket's reader asks
it to all the same and dies of the refusal, and with it the answer to our close frame that it was
waiting for. Whoever pings often does so at just that moment now and then.
"""

from __future__ import annotations

from trio_websocket import WebSocketConnection
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import Event, Pong


class _Connection(WSConnection):
    """A connection that swallows the pongs which may not be sent any more."""

    def send(self, event: Event) -> bytes:
        """Return the bytes of *event*; none for a pong after the close frame."""
        if isinstance(event, Pong) and self.state is not ConnectionState.OPEN:
            return b""
        return super().send(event)


def leave_late_pings(ws: WebSocketConnection) -> None:
    """Have *ws* leave pings unanswered from its close frame on."""
    ws._wsproto.__class__ = _Connection
