"""The stream under a WebSocket: metered on the way in, and closed so that the peer gets to know."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from daemons.gateway import stream as module
from daemons.gateway.stream import INBOUND_BURST_BYTES, ClientStream, TokenBucket

PATIENCE_S = 120.0


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[ClientStream, trio.SocketStream]]:
    """Give both ends of a TCP connection: ours, and the peer's."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        peer = await trio.open_tcp_stream(*listener.socket.getsockname())
        accepted = await listener.accept()
    async with peer, accepted:
        with trio.fail_after(PATIENCE_S):
            yield ClientStream(accepted), peer


async def tear(ours: ClientStream) -> None:
    """Cut off a frame that is too large for the kernel, so that part of it has gone out."""
    with trio.move_on_after(0.05) as scope:
        await ours.send_all(bytes(64 << 20))
    assert scope.cancelled_caught


async def read_to_end(peer: trio.SocketStream) -> bytes:
    """Return everything that comes until the peer's peer, that is us, has ended."""
    received = b""
    while data := await peer.receive_some():
        received += data
    return received


def test_token_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    """What comes too early is told to wait as long as it is early, and no more."""
    bucket = TokenBucket(rate=10, burst=20, now=100.0)

    assert bucket.take(20, 100.0) == 0
    assert bucket.take(5, 100.0) == pytest.approx(0.5)
    assert bucket.take(0, 100.5) == 0
    assert bucket.take(10, 101.5) == 0


def test_token_bucket_never_holds_more_than_a_burst() -> None:
    """A long silence earns no more than one burst."""
    bucket = TokenBucket(rate=10, burst=20, now=0.0)

    assert bucket.take(21, 1e6) == pytest.approx(0.1)


async def test_stream_reads_a_flood_slowly() -> None:
    """Beyond the burst, what a client sends waits in his own buffers."""
    async with connected() as (ours, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.send_all, bytes(8 << 20))
        received = 0
        while received < INBOUND_BURST_BYTES:
            received += len(await ours.receive_some(4096))
        with trio.move_on_after(0.3):
            while True:
                received += len(await ours.receive_some(4096))
        nursery.cancel_scope.cancel()

    assert received <= 2 * INBOUND_BURST_BYTES


async def test_stream_bounds_the_kernels_share() -> None:
    """A slow reader's send buffer stays small; Linux would let it grow to 4 MiB."""
    async with connected() as (ours, _):
        # The kernel doubles what it is told (socket(7)).
        assert ours._stream.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65536


async def test_stream_sends_nothing_behind_a_torn_frame() -> None:
    """After a frame that was cut off, the peer would take anything for the rest of it."""
    async with connected() as (ours, _):
        await tear(ours)
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_all(b"\x88\x00")


async def test_stream_is_whole_while_nothing_has_gone_out() -> None:
    """A frame that was cancelled before its first byte is none: the farewell still comes."""
    async with connected() as (ours, peer), trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            scope.cancel()
            await ours.send_all(b"\x88\x02\x03\xe8")
        assert scope.cancelled_caught
        nursery.start_soon(ours.finish, 1001, "")

        assert await read_to_end(peer) == b"\x88\x02\x03\xe9"
        await peer.aclose()


async def test_stream_resets_a_peer_who_takes_nothing() -> None:
    """Closing a torn stream gives back the kernel's memory at once: the peer sees RST, not FIN."""
    async with connected() as (ours, peer):
        await tear(ours)
        await ours.finish(4408, "too slow")
        with pytest.raises(trio.BrokenResourceError):
            await read_to_end(peer)


async def test_stream_sends_the_close_frame_that_is_missing() -> None:
    """When nobody has said farewell, `finish` does; then both sides end."""
    async with connected() as (ours, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ours.finish, 1002, "why")

        assert await peer.receive_some() == b"\x88\x05\x03\xeawhy"
        assert await peer.receive_some() == b""
        await peer.aclose()


@pytest.mark.parametrize("code", [1005, 1006, 1015])
async def test_stream_sends_no_code_that_must_not_be_sent(code: int) -> None:
    """Codes that only describe an end never go over the wire."""
    async with connected() as (ours, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ours.finish, code, "")

        assert await peer.receive_some() == b""
        await peer.aclose()


async def test_stream_says_farewell_once() -> None:
    """A close frame that trio-websocket has sent is not followed by another."""
    async with connected() as (ours, peer), trio.open_nursery() as nursery:
        await ours.send_all(b"\x88\x02\x03\xe8")
        nursery.start_soon(ours.finish, 1001, "")

        assert await read_to_end(peer) == b"\x88\x02\x03\xe8"
        await peer.aclose()


async def test_stream_waits_a_bounded_time_for_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer who never closes his side is left after `LINGER_S`."""
    monkeypatch.setattr(module, "LINGER_S", 0.05)
    async with connected() as (ours, peer):
        await ours.finish(1001, "")
        with pytest.raises(trio.ClosedResourceError):
            await ours.receive_some()
        await peer.receive_some()
