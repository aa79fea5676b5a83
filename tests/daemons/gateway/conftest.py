"""A gateway in the test's own loop, on a real store, and two kinds of clients.

The clients are PyPI's `websockets`, in a thread, and bare TCP sockets for what no library would say.

Every wait is bounded; nothing is asserted about how long anything takes.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from daemons.broker import Broker, EventHub, StoreUnavailable, open_broker, open_event_hub
from daemons.config import Config, Store
from daemons.config import Gateway as Limits
from daemons.gateway.server import Gateway
from daemons.tokens import Tokens
from protocol.messages import SubmissionRequest

#: More than any wait of these tests should take; a test that needs it has failed.
PATIENCE_S = 120.0


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - most conditions are the kernel's or the store's
            await trio.sleep(0.005)


class Peer:
    """One `websockets` client."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws

    async def send(self, message: str | bytes) -> None:
        """Send one message; a server that has closed already shows when reading."""
        with suppress(ConnectionClosed):
            await trio.to_thread.run_sync(self.ws.send, message)

    async def receive(self) -> dict[str, Any]:
        """Return the next message, parsed."""
        return json.loads(await trio.to_thread.run_sync(self.ws.recv, PATIENCE_S))

    async def receive_events(self, count: int) -> list[dict[str, Any]]:
        """Return the next *count* messages, parsed."""

        def receive() -> list[Any]:
            return [json.loads(self.ws.recv(PATIENCE_S)) for _ in range(count)]

        return await trio.to_thread.run_sync(receive)

    async def is_silent(self) -> bool:
        """Tell whether nothing waits to be received, once the server has answered a ping."""
        pong = await trio.to_thread.run_sync(self.ws.ping)
        assert await trio.to_thread.run_sync(pong.wait, PATIENCE_S)
        try:
            await trio.to_thread.run_sync(self.ws.recv, 0)
        except TimeoutError:
            return True
        return False

    async def close_code_or_message(self) -> Any:
        """Return the next message, parsed, or the close code that came in its place."""

        def receive() -> Any:
            try:
                return json.loads(self.ws.recv(PATIENCE_S))
            except ConnectionClosed as exc:
                return exc.rcvd.code if exc.rcvd is not None else None

        return await trio.to_thread.run_sync(receive)

    async def close_code(self) -> int | None:
        """Read until the end and return the close code that the server sent."""

        def read_on() -> int | None:
            while True:
                try:
                    self.ws.recv(PATIENCE_S)
                except ConnectionClosed as exc:
                    return exc.rcvd.code if exc.rcvd is not None else None

        return await trio.to_thread.run_sync(read_on)


class RawPeer:
    """A bare TCP client that can say what no library would."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._data = b""

    async def shake_hands(self, *early: bytes) -> None:
        """Do the WebSocket handshake; send each of *early* without waiting for the answer."""
        request = (
            b"GET / HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
        )
        first, *later = early or (b"",)
        await self.stream.send_all(request % base64.b64encode(bytes(16)) + first)
        for data in later:
            await self.stream.send_all(data)
        while b"\r\n\r\n" not in self._data:
            assert await self._read_more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")

    async def send_frame(
        self, first_byte: int, payload: bytes = b"", *, masked: bool = True
    ) -> None:
        """Send one frame whose FIN, reserved bits and opcode are *first_byte*."""
        await self.stream.send_all(make_frame(first_byte, payload, masked=masked))

    async def receive_frame(self) -> tuple[int, bytes] | None:
        """Return first byte and payload of the next frame; None at the end."""
        while not self._has_frame():
            if not await self._read_more():
                return None
        size, start = self._frame_size()
        frame = self._data[0], self._data[start : start + size]
        self._data = self._data[start + size :]
        return frame

    async def receive_message(self) -> dict[str, Any]:
        """Return the next text message, parsed; pings before it are passed over, unanswered."""
        while True:
            frame = await self.receive_frame()
            assert frame is not None, "the server has ended"
            if frame[0] == 0x81:
                message: dict[str, Any] = json.loads(frame[1])
                return message

    async def receive_close(self) -> int | None:
        """Read until the close frame and return its code; None if there is none."""
        with trio.fail_after(PATIENCE_S):
            while (frame := await self.receive_frame()) is not None:
                if frame[0] == 0x88:
                    return int(struct.unpack("!H", frame[1][:2])[0])
        return None

    async def wait_end(self) -> None:
        """Read until the server has closed the connection."""
        with trio.fail_after(PATIENCE_S):
            while await self._read_more():
                self._data = b""

    async def _read_more(self) -> bool:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            return False
        self._data += data
        return bool(data)

    def _has_frame(self) -> bool:
        if len(self._data) < 2:
            return False
        size, start = self._frame_size() if len(self._data) >= 10 else self._short_size()
        return len(self._data) >= start + size

    def _short_size(self) -> tuple[int, int]:
        # Fewer than ten bytes hold a whole frame only when its length is in the second of them.
        size = self._data[1] & 0x7F
        return (size, 2) if size < 126 else (1 << 20, 10)

    def _frame_size(self) -> tuple[int, int]:
        size = self._data[1] & 0x7F
        if size == 126:
            return int(struct.unpack("!H", self._data[2:4])[0]), 4
        if size == 127:
            return int(struct.unpack("!Q", self._data[2:10])[0]), 10
        return size, 2


def _enter(stack: ExitStack, connecting: Callable[[], Any]) -> ClientConnection:
    """Connect in a thread; *stack* closes the connection."""
    ws: ClientConnection = stack.enter_context(connecting())
    return ws


def make_frame(first_byte: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """Return one frame of a client."""
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first_byte, mask_bit | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first_byte, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first_byte, mask_bit | 127, len(payload))
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + payload


class Running:
    """A gateway that serves, its store as a test sees it, and ways to connect."""

    def __init__(self, gateway: Gateway, broker: Broker, events: EventHub, port: int) -> None:
        self.gateway = gateway
        self.broker = broker
        self.events = events
        self.port = port
        self.stopping = trio.Event()
        self.stopped = trio.Event()
        self.scope = trio.CancelScope()

    async def serve(
        self, listeners: list[trio.SocketListener], *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Run the gateway until it is stopped or `scope` is cancelled."""
        with self.scope:
            await self.gateway.serve(listeners, self.stopping, task_status=task_status)
        self.stopped.set()

    async def submit(self, user_id: str = "u1", problem_id: str = "p") -> str:
        """Make one event of *user_id*, as the API would, also while the store comes back."""
        request = SubmissionRequest(
            problem_id=problem_id, user_id=user_id, language="python", code="x"
        )
        with trio.fail_after(PATIENCE_S):
            while True:
                try:
                    return (await self.broker.submit(request)).submission.id
                except StoreUnavailable:
                    await trio.sleep(0.01)

    async def submit_many(
        self, count: int, user_id: str = "u1", problem_id: str = "p"
    ) -> list[str]:
        """Make *count* events, some at a time, and return the submissions' ids in no order."""
        ids: list[str] = []

        async def submit_some(share: int) -> None:
            ids.extend([await self.submit(user_id, problem_id) for _ in range(share)])

        async with trio.open_nursery() as nursery:
            for start in range(8):
                nursery.start_soon(submit_some, len(range(start, count, 8)))
        return ids

    async def history(self, user_id: str = "u1") -> list[dict[str, Any]]:
        """Return everything that the store keeps of *user_id*'s events."""
        return [json.loads(raw) for raw in (await self.broker.replay(user_id, None)).events]

    @asynccontextmanager
    async def peer(self, hello: str | bytes | None = None, **options: Any) -> AsyncIterator[Peer]:
        """Connect a `websockets` client and send *hello* if given."""
        url = f"ws://127.0.0.1:{self.port}/"
        with ExitStack() as stack:
            connecting = partial(connect, url, proxy=None, open_timeout=PATIENCE_S, **options)
            enter = partial(_enter, stack, connecting)
            peer = Peer(await trio.to_thread.run_sync(enter))
            try:
                if hello is not None:
                    await peer.send(hello)
                yield peer
            finally:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(stack.close)

    @asynccontextmanager
    async def ready_peer(self, user_id: str = "u1", **options: Any) -> AsyncIterator[Peer]:
        """Connect a client that sends the bare *user_id*, and wait for its `ready`."""
        async with self.peer(user_id, **options) as peer:
            assert (await peer.receive())["type"] == "ready"
            yield peer

    @asynccontextmanager
    async def raw_peer(
        self, *, handshake: bool = True, receive_buffer_bytes: int | None = None
    ) -> AsyncIterator[RawPeer]:
        """Connect a bare TCP client, with its WebSocket handshake done unless told otherwise."""
        sock = trio.socket.socket()
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            await sock.connect(("127.0.0.1", self.port))
            peer = RawPeer(trio.SocketStream(sock))
            if handshake:
                await peer.shake_hands()
            yield peer
        finally:
            sock.close()


@pytest.fixture
def open_gateway(store: Any) -> Callable[..., Any]:
    """Give the function that runs a gateway on the store, with limits as named.

    With *events_url* the events are to come from another store; with *tokens* one is needed.
    """

    @asynccontextmanager
    async def open_gateway(
        *, events_url: str = store.url, tokens: Tokens | None = None, **limits: Any
    ) -> AsyncIterator[Running]:
        config: Config = store.config()
        # Nobody is to be dropped because the machine, or the test, was slow for a moment.
        patient = Limits(
            first_message_s=PATIENCE_S, pong_s=PATIENCE_S, send_s=PATIENCE_S, close_s=2.0
        )
        config = msgspec.structs.replace(config, gateway=msgspec.structs.replace(patient, **limits))
        with trio.fail_after(3 * PATIENCE_S):
            async with opened(config, store.config(store=Store(url=events_url)), tokens) as running:
                yield running

    @asynccontextmanager
    async def opened(
        config: Config, events_config: Config, tokens: Tokens | None
    ) -> AsyncIterator[Running]:
        async with (
            open_broker(config, name="gateway") as broker,
            open_event_hub(events_config, name="gateway-events") as events,
            trio.open_nursery() as nursery,
        ):
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listeners[0].socket.getsockname()[1]
            gateway = Gateway(config.gateway, broker, events, tokens)
            running = Running(gateway, broker, events, port)
            with trio.fail_after(PATIENCE_S):
                await nursery.start(running.serve, listeners)
            yield running
            running.stopping.set()

    return open_gateway


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Give the function that waits for a condition."""
    return eventually


@pytest.fixture
def frame() -> Callable[..., bytes]:
    """Give the function that makes one frame."""
    return make_frame


@pytest.fixture
def open_descriptors() -> Iterator[Callable[[], int]]:
    """Give the function that counts this process's open descriptors."""
    return lambda: len(list(Path("/proc/self/fd").iterdir()))
