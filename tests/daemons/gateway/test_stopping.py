"""How it ends: 1001 to everyone before anything is cancelled, and what a cancel leaves behind."""

from __future__ import annotations

import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from daemons.gateway import doorway, stream

TEXT, CLOSE = 0x81, 0x88
PATIENCE_S = 120.0


async def test_gateway_says_going_away(open_gateway: Any) -> None:
    """Each client hears 1001 when the gateway stops, also one who has not said who he is."""
    async with open_gateway() as running, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(running.ready_peer()) for _ in range(5)]
        peers.append(await stack.enter_async_context(running.peer()))
        running.stopping.set()
        with trio.fail_after(120):
            await running.stopped.wait()

        assert [await peer.close_code() for peer in peers] == [1001] * 6


async def test_gateway_cuts_off_who_does_not_part(open_gateway: Any) -> None:
    """A client who never answers the close frame delays the stop by `close_s` and no more."""
    async with (
        open_gateway(close_s=1.0) as running,
        running.raw_peer() as mute,
        running.raw_peer(handshake=False),
    ):
        await mute.send_frame(TEXT, b"u1")
        await mute.receive_frame()
        running.stopping.set()
        with trio.fail_after(120):
            await running.stopped.wait()

        assert await mute.receive_close() == 1001


async def test_gateway_takes_nobody_new_while_it_stops(open_gateway: Any) -> None:
    """From the stop on the door is shut, while those inside still hear their farewell."""
    async with open_gateway(close_s=1.0) as running, running.raw_peer() as mute:
        await mute.send_frame(TEXT, b"u1")
        await mute.receive_frame()
        running.stopping.set()
        assert await mute.receive_close() == 1001

        with pytest.raises(OSError):
            async with running.raw_peer():
                pytest.fail("the door was open")


async def test_gateway_parts_from_who_was_at_the_door(
    open_gateway: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was let in before the stop, and shakes hands only after it, hears 1001 as everybody."""
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 3600.0)
    async with (
        open_gateway(close_s=2 * PATIENCE_S) as running,
        running.raw_peer() as mute,
        running.raw_peer(handshake=False) as late,
    ):
        await eventually(lambda: running.gateway._admission._open == 2)
        running.stopping.set()
        assert await mute.receive_close() == 1001
        await late.shake_hands()
        assert await late.receive_close() == 1001
        await late.send_frame(CLOSE, (1001).to_bytes(2, "big"))
        await mute.send_frame(CLOSE, (1001).to_bytes(2, "big"))
        with trio.fail_after(PATIENCE_S):
            await running.stopped.wait()


@asynccontextmanager
async def connecting(running: Any, _: Any) -> AsyncIterator[None]:
    """A socket that has sent half a handshake."""
    async with running.raw_peer(handshake=False) as peer:
        await peer.stream.send_all(b"GET / HT")
        yield


@asynccontextmanager
async def silent(running: Any, _: Any) -> AsyncIterator[None]:
    """A client who has not said who he is."""
    async with running.raw_peer():
        yield


@asynccontextmanager
async def subscribing(running: Any, store: Any) -> AsyncIterator[None]:
    """A client whose subscription the store does not confirm."""
    store.process.send_signal(signal.SIGSTOP)
    try:
        async with running.raw_peer() as peer:
            await peer.send_frame(TEXT, b"u1")
            yield
    finally:
        store.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def idle(running: Any, _: Any) -> AsyncIterator[None]:
    """A client to whom nothing happens."""
    async with running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_frame()
        yield


@asynccontextmanager
async def rereading(running: Any, store: Any) -> AsyncIterator[None]:
    """A client who is served, and whose history can't be read because the store is away."""
    async with running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_frame()
        store.process.send_signal(signal.SIGSTOP)
        try:
            (client,) = running.gateway._clients
            client.fall_behind()
            yield
        finally:
            store.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def blocked(running: Any, _: Any) -> AsyncIterator[None]:
    """A client who takes no more, in the middle of a frame."""
    user_id = "u" * 128
    async with running.raw_peer(receive_buffer_bytes=4096) as peer:
        await peer.send_frame(TEXT, user_id.encode())
        await peer.receive_frame()
        await running.submit_many(800, user_id)
        yield


@asynccontextmanager
async def unanswered(running: Any, _: Any) -> AsyncIterator[None]:
    """A client whose pong is awaited."""
    async with running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_frame()
        (client,) = running.gateway._clients
        client.ping()
        yield


@asynccontextmanager
async def parting(running: Any, _: Any) -> AsyncIterator[None]:
    """A client who does not answer the close frame."""
    async with running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_frame()
        (client,) = running.gateway._clients
        client.close(1001, "test")
        yield


@asynccontextmanager
async def lingering(running: Any, _: Any) -> AsyncIterator[None]:
    """A client who was told 1002 and does not close his side."""
    async with running.raw_peer() as peer:
        await peer.send_frame(0xF1, b"u1")
        assert await peer.receive_close() == 1002
        yield


@pytest.mark.parametrize("way", ["cancel", "leave"])
@pytest.mark.parametrize(
    "state",
    [
        connecting,
        silent,
        subscribing,
        idle,
        rereading,
        blocked,
        unanswered,
        parting,
        lingering,
    ],
)
async def test_client_leaves_nothing_behind(
    open_gateway: Any,
    store: Any,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
    state: Any,
    way: str,
) -> None:
    """Wherever a client is when the gateway is cancelled or he goes: no place, no subscription."""
    # He stays in his state until he is looked at.
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 3600.0)
    monkeypatch.setattr(stream, "LINGER_S", 3600.0)
    async with open_gateway(close_s=300.0) as running:
        async with state(running, store):
            await eventually(lambda: running.gateway._admission._open == 1)
            await trio.testing.wait_all_tasks_blocked(0.01)
            if way == "cancel":
                running.scope.cancel()
                with trio.fail_after(120):
                    await running.stopped.wait()
        await eventually(lambda: not running.gateway._admission._open)

        assert not running.gateway.sockets
        assert not running.events._channels


async def test_gateway_leaks_no_descriptor(
    open_gateway: Any, eventually: Any, open_descriptors: Any
) -> None:
    """A hundred clients of every kind later, as many files are open as before."""
    async with open_gateway(first_message_s=0.02) as running:
        async with running.raw_peer() as peer:
            assert await peer.receive_close() == 4400
        await eventually(lambda: not running.gateway._admission._open)
        # What earlier tests left to the garbage collector is none of this test's business.
        gc.collect()
        before = open_descriptors()
        for first_byte in (TEXT, 0x82, 0xF1, 0x88) * 20:
            async with running.raw_peer() as peer:
                await peer.send_frame(first_byte, b"\x03\xe8")
        for _ in range(20):
            async with running.raw_peer() as peer:
                assert await peer.receive_close() == 4400

        await eventually(lambda: not running.gateway._admission._open)
        await eventually(lambda: open_descriptors() <= before)
