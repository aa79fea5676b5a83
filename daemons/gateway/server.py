"""The gateway as a whole: accepts sockets, gives each a life of its own, ends them all in order.

Each client lives behind one boundary: whatever goes wrong with him is logged and closes his socket,
and nobody else's. Stopping takes three steps: no new sockets; 1001 to everyone, spread a little so
that they do not all come back in the same moment, and time to read it; then the rest is cancelled.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import trio
from trio_websocket import ConnectionClosed
from wsproto.utilities import ProtocolError as WebSocketProtocolError

from daemons.broker import Broker, EventHub
from daemons.config import Gateway as Limits
from daemons.gateway.admission import Admission, Crowded
from daemons.gateway.connection import Client
from daemons.gateway.cursors import ClientCursors
from daemons.gateway.doorway import Doorway
from daemons.gateway.house import House, Visitor
from daemons.gateway.hub import Hub
from daemons.gateway.stream import NO_FAREWELL, ClientStream
from daemons.logs import log
from daemons.tokens import Tokens
from protocol.frames import CloseCode

#: Between two farewells at the stop: 1,000 clients a second come back, not all at once ...
_FAREWELL_GAP_S = 0.001
#: ... unless they are so many that it would take more than this share of `close_s`.
_FAREWELL_SHARE = 0.6
#: At the end, for the last positions to be written.
_WRITE_S = 1.0


class Gateway:
    """All clients of this process.

    Args:
        limits: the table `[gateway]`. broker: the store. events: what happens there.
        tokens: those that count; None: nobody needs one.
    """

    def __init__(
        self, limits: Limits, broker: Broker, events: EventHub, tokens: Tokens | None = None
    ) -> None:
        self._limits = limits
        self._broker = broker
        self._events = events
        self._tokens = tokens
        self._doorway = Doorway(limits.origins)
        self._admission = Admission(limits.max_connections, limits.max_connections_per_address)
        # Each with the time of his next ping, soonest first: everybody's interval is the same.
        self._clients: OrderedDict[Client, float] = OrderedDict()
        self._first_came = trio.Event()
        self._last_gone = trio.Event()
        self._parting = False

    @property
    def sockets(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        stopping: trio.Event,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve *listeners* until *stopping* is set, then part from everyone and return.

        Closes *listeners*. Takes at most `close_s` and a second from *stopping* on.
        """
        async with trio.open_nursery() as lives:
            hub = Hub(self._broker, self._events, self._limits.max_connections_per_user)
            cursors = ClientCursors(self._broker, self._limits.resume_s)
            house = House(hub, cursors, self._limits, self._tokens)
            lives.start_soon(hub.check_heads)
            lives.start_soon(cursors.serve)
            lives.start_soon(self._ping_everyone)
            async with trio.open_nursery() as doors:
                serve = partial(trio.serve_listeners, handler_nursery=lives)
                await doors.start(serve, partial(self._serve_stream, house), listeners)
                task_status.started()
                await stopping.wait()
                doors.cancel_scope.cancel(reason="gateway stopping")
            await self._part_from_everyone()
            with trio.move_on_after(_WRITE_S):
                await cursors.write_last()
            lives.cancel_scope.cancel(reason="gateway stopping")

    async def _part_from_everyone(self) -> None:
        self._parting = True
        with trio.move_on_after(self._limits.close_s) as scope:
            clients = list(self._clients)
            gap_s = min(
                _FAREWELL_GAP_S, _FAREWELL_SHARE * self._limits.close_s / max(1, len(clients))
            )
            for client in clients:
                _send_away(client)
                await trio.sleep(gap_s)
            while self._clients:
                self._last_gone = trio.Event()
                await self._last_gone.wait()
        if scope.cancelled_caught:
            log.warning("clients cut off", count=len(self._clients))

    async def _serve_stream(self, house: House, socket: trio.SocketStream) -> None:
        """Serve one accepted socket, from the count of heads to the last byte."""
        try:
            address = _address_of(socket)
            with self._admission.admitted(address) as refusal:
                stream = ClientStream(socket)
                code, reason = await self._serve_client(house, stream, address, refusal)
                await stream.finish(code, reason)
        except (Crowded, OSError) as exc:
            log.debug("socket dropped", error=str(exc))
        finally:
            await trio.aclose_forcefully(socket)

    async def _serve_client(
        self, house: House, stream: ClientStream, address: str, refusal: str | None
    ) -> tuple[int, str]:
        """Be the boundary of one client: return how his conversation ended, whatever went wrong."""
        end = (CloseCode.UNAVAILABLE.value, refusal or "internal error")
        try:
            async with trio.open_nursery() as nursery:
                entered = await self._doorway.enter(stream, nursery)
                if entered is None:
                    end = NO_FAREWELL, ""
                elif refusal is None:
                    visitor = Visitor(address, entered.program)
                    end = await self._live(Client(entered.ws, visitor, house, nursery))
                else:
                    with trio.move_on_after(self._limits.close_s):
                        await entered.ws.aclose(*end)
                nursery.cancel_scope.cancel(reason="the conversation has ended")
        except* (ConnectionClosed, trio.BrokenResourceError):
            pass  # the client has gone
        except* (WebSocketProtocolError, UnicodeError) as group:
            # Raised by the libraries for some of the ways to get the protocol wrong.
            log.debug("bad handshake or frame", error=repr(group.exceptions[0]))
        except* Exception as group:  # noqa: BLE001 - his bug or ours, the other clients go on
            log.error("client failed", exc_info=group)
        return stream.refusal or end

    async def _live(self, client: Client) -> tuple[int, str]:
        self._clients[client] = trio.current_time() + self._limits.ping_s
        self._first_came.set()
        if self._parting:  # let in before the stop, his handshake done only now
            _send_away(client)
        try:
            return await client.converse()
        finally:
            del self._clients[client]
            if not self._clients:
                self._last_gone.set()

    async def _ping_everyone(self) -> None:
        """Ping each client every `ping_s`, each at his own time; never returns."""
        while True:
            if (next_due := self._ping_due_clients()) is not None:
                await trio.sleep_until(next_due)
            else:
                self._first_came = trio.Event()
                await self._first_came.wait()

    def _ping_due_clients(self) -> float | None:
        """Ping whoever is due now; return when the next one is, None when there is nobody."""
        while self._clients:
            client, due = next(iter(self._clients.items()))
            if due > trio.current_time():
                return due
            client.check_token()
            client.ping()
            self._clients[client] = due + self._limits.ping_s
            self._clients.move_to_end(client)
        return None


def _send_away(client: Client) -> None:
    client.close(CloseCode.GOING_AWAY, "the server is going away")


def _address_of(stream: trio.SocketStream) -> str:
    """Return the peer's IP address; "" for a Unix socket.

    Raises:
        OSError: he has gone.
    """
    peer = stream.socket.getpeername()
    return peer[0] if isinstance(peer, tuple) else ""
