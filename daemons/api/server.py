"""Serve the application on sockets: Hypercorn's HTTP, with our own end of a connection.

Theory of operation. Hypercorn's `serve` hangs up every connection that is idle when it is told to
stop, and "idle" it calls one whose request is on the way, or lies unread in the socket: such a
request was begun and got no answer. Here a stop does this instead:

1. nobody is accepted any more; whoever waits in the socket's queue finds the next process there,
   for the supervisor holds the socket;
2. answers say `Connection: close` (`daemons.api.delivery`), so clients in mid-flow go elsewhere;
3. for `_LINGER_S` connections live on as before: Hypercorn would close one behind an answer that
   did not say so, while the next request is on its way;
4. then a connection is closed behind its answer, or at once if it is silent, with nothing unread.

A client that takes no bytes of its answer is given up: Hypercorn would wait for it for ever, and
even keep the process from ending.
"""

from __future__ import annotations

import select
from functools import partial

import hypercorn.config
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.events import Closed, Event, RawData
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr
from quart_trio import QuartTrio

from daemons.api.http11 import Http11

#: A round trip to the other side of the world, and time to spare.
_LINGER_S = 0.5
#: Between two looks at what is about to become a request.
_LOOK_S = 0.05
#: A client that has taken nothing for so long has gone, or means harm.
_SEND_S = 10.0
#: One buffer of a socket: what Linux takes at once from a sender that is not waited for.
_PIECE_BYTES = 64 << 10


class _Connection(TCPServer):
    """One client's connection."""

    # Hypercorn's own wrapper would change protocols.
    protocol: Http11  # type: ignore[assignment]
    _in_hand = False

    async def run(self) -> None:
        try:
            socket = self.stream.socket
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            async with TaskGroup() as self._task_group:
                self.protocol = Http11(
                    self.app, self.config, self.context, self._task_group,
                    ConnectionState(self.state), False, client, server, self.protocol_send,
                )  # fmt: skip
                await self.idle_task.restart(self._task_group, self._idle_timeout)
                await self._read_data()
        except OSError:
            pass  # it had gone before we could ask who it was
        finally:
            with trio.move_on_after(_SEND_S, shield=True):
                await self._close()

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            try:
                await self._send(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                await self.protocol.handle(Closed())

    async def _send(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            with trio.fail_after(_SEND_S, shield=True):
                await self.stream.send_all(data[start : start + _PIECE_BYTES])

    async def _idle_timeout(self) -> None:
        with trio.move_on_after(self.config.keep_alive_timeout):
            await self.context.terminated.wait()
        # What is there is a request, and begins by stopping this task.
        while self._in_hand or self._has_unread():  # noqa: ASYNC110 - the kernel tells no event
            await trio.sleep(_LOOK_S)
        # At once, before a request can come between; who reads here is woken by it.
        with trio.CancelScope(shield=True):
            await self.stream.aclose()
            await self.protocol.handle(Closed())

    async def _read_data(self) -> None:
        while True:
            try:
                data = await self.stream.receive_some(_PIECE_BYTES)
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                break
            # Read, but not understood yet: this connection is idle no more.
            self._in_hand = True
            await self.protocol.handle(RawData(bytes(data)))
            self._in_hand = False
            if not data:
                break
        await self.protocol.handle(Closed())
        # The client has gone: else the descriptor would stay open until the idle time is over.
        await self.idle_task.stop()

    def _has_unread(self) -> bool:
        poll = select.poll()
        poll.register(self.stream.socket, select.POLLIN | select.POLLRDHUP)
        # What a client sent before it hung up has been read by now.
        return poll.poll(0) == [(self.stream.socket.fileno(), select.POLLIN)]


async def serve(
    app: QuartTrio,
    settings: hypercorn.config.Config,
    listeners: list[trio.SocketListener],
    stopping: trio.Event,
    *,
    drain_s: float,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve *app* on *listeners* until *stopping*; then *drain_s* more for what is begun."""
    context = WorkerContext(None)
    wrapped = ASGIWrapper(app)
    handler = partial(_Connection, wrapped, settings, context, ConnectionState({}))
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            await accepting.start(
                partial(trio.serve_listeners, handler, listeners, handler_nursery=connections)
            )
            task_status.started()
            await stopping.wait()
            accepting.cancel_scope.cancel(reason="stopping")
        connections.cancel_scope.deadline = trio.current_time() + drain_s
        await trio.sleep(min(_LINGER_S, drain_s))
        await context.terminated.set()
