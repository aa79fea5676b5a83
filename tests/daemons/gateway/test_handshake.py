"""Who comes in: the first message, what is refused and with which close code, and the caps."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from daemons.gateway import doorway
from daemons.gateway.stream import MAX_FRAGMENTS

TEXT, BINARY, CONTINUATION, CLOSE, PING = 0x81, 0x82, 0x80, 0x88, 0x89


@pytest.mark.parametrize(
    "hello",
    [
        "u1",
        " u1\n",
        '{"user_id":"u1"}',
        '{"userId":"u1","extra":1}',
        '{"userName":"u1","client":"t"}',
    ],
)
async def test_gateway_says_ready(open_gateway: Any, hello: str) -> None:
    """Each of the allowed first messages is answered by `ready`."""
    async with open_gateway() as running, running.peer(hello) as peer:
        assert await peer.receive() == {
            "type": "ready",
            "user_id": "u1",
            "head": 0,
            "recovered": True,
        }


@pytest.mark.parametrize("cut", [0, 1, 8, None], ids=["apart", "one-byte", "halves", "together"])
async def test_gateway_takes_a_first_message_before_its_answer(
    open_gateway: Any, frame: Any, cut: int | None
) -> None:
    """Who says his id with the request, not waiting for the 101, is served like everybody."""
    hello = frame(TEXT, b"u1") + frame(PING, b"?")
    async with open_gateway() as running, running.raw_peer(handshake=False) as peer:
        await peer.shake_hands(hello[:cut], hello[cut:] if cut is not None else b"")
        with trio.fail_after(120):
            answers = [await peer.receive_frame(), await peer.receive_frame()]

        assert (0x8A, b"?") in answers
        assert any(payload.startswith(b'{"type":"ready"') for _, payload in answers)
        await running.submit()
        assert (await peer.receive_message())["type"] == "submission.queued"


async def test_gateway_closes_who_says_nothing(open_gateway: Any) -> None:
    """Without a first message in time the code is 4400."""
    async with open_gateway(first_message_s=0.05) as running, running.peer() as peer:
        assert await peer.close_code() == 4400


@pytest.mark.parametrize(
    "hello",
    [
        "",
        "a:b",
        "u\0x",
        "u" * 300,
        "{u1}",
        "u 1",
        "ü",
        '{"user_id"',
        '{"user_id":1}',
        '{"after":1}',
        '{"user_id":"u1","after":"x"}',
        '{"user_id":"u1","after":-1}',
        '{"user_id":"u1","after":9223372036854775808}',
        '{"user_id":"u1","after":1e400}',
        '{"user_id":"a:b"}',
        "[" * 3000,
        "{" * 3000,
    ],
)
async def test_gateway_refuses_a_malformed_first_message(open_gateway: Any, hello: str) -> None:
    """Neither a user id nor an object with one: 1008, and no key of Redis is ever made of it."""
    async with open_gateway() as running, running.peer(hello) as peer:
        assert await peer.close_code() == 1008


async def test_gateway_refuses_binary(open_gateway: Any) -> None:
    """A binary message is 1003, at first and later."""
    async with open_gateway() as running:
        async with running.peer(b"u1") as peer:
            assert await peer.close_code() == 1003
        async with running.ready_peer() as peer:
            await peer.send(b"x")
            assert await peer.close_code() == 1003


async def test_gateway_refuses_a_megabyte(open_gateway: Any, frame: Any) -> None:
    """A message over 4 KiB is 1009, and the client gets to see that, however much he has sent."""
    async with open_gateway() as running:
        async with running.raw_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(send_while_heard, peer, frame(TEXT, b"x" * (1 << 20)))
            assert await peer.receive_close() == 1009
        async with running.peer("x" * 5000) as peer:
            assert await peer.close_code() == 1009


@pytest.mark.parametrize(
    ("code", "first_byte", "payload", "masked"),
    [
        (1007, TEXT, b"\xff\xfe", True),
        (1007, TEXT, b"\xed\xa0\x80", True),
        (1002, TEXT, b"u1", False),
        (1002, 0xF1, b"u1", True),
        (1002, 0x83, b"u1", True),
        (1002, CONTINUATION, b"u1", True),
        (1002, PING, b"x" * 126, True),
        (1002, 0x09, b"", True),
        (1002, CLOSE, b"x", True),
        (1002, CLOSE, b"\x03\xed", True),
    ],
    ids=[
        "bad-utf8",
        "surrogate",
        "unmasked",
        "reserved-bits",
        "unknown-opcode",
        "stray-continuation",
        "long-ping",
        "fragmented-ping",
        "short-close",
        "close-1005",
    ],
)
async def test_gateway_tells_why_a_frame_is_illegal(
    open_gateway: Any, code: int, first_byte: int, payload: bytes, masked: bool
) -> None:
    """Bad UTF-8 is 1007, a broken frame 1002, and the peer is told so by a close frame."""
    async with open_gateway() as running, running.raw_peer() as peer:
        await peer.send_frame(first_byte, payload, masked=masked)

        assert await peer.receive_close() == code


async def test_gateway_takes_fragments(open_gateway: Any) -> None:
    """A first message in pieces, with a ping between them, is as good as one."""
    async with open_gateway() as running, running.raw_peer() as peer:
        await peer.send_frame(0x01, b"u")
        await peer.send_frame(PING, b"?")
        await peer.send_frame(CONTINUATION, b"1")

        assert await peer.receive_frame() == (0x8A, b"?")
        first_byte, payload = await peer.receive_frame()
        assert (first_byte, payload[:15]) == (TEXT, b'{"type":"ready"')


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
async def test_gateway_refuses_endless_empty_fragments(
    open_gateway: Any, frame: Any, first: bool
) -> None:
    """Empty frames of a message that never ends count towards no size, but do not pile up."""
    async with open_gateway() as running, running.raw_peer() as peer:
        if not first:
            await peer.send_frame(TEXT, b"u1")
            await peer.receive_frame()
        await peer.stream.send_all(frame(0x01) + frame(0x00) * (MAX_FRAGMENTS + 1000))
        await peer.send_frame(0x00)

        assert await peer.receive_close() == 1009


async def test_gateway_refuses_a_flood_of_messages(open_gateway: Any, frame: Any) -> None:
    """Over ten messages a second after the first are 1008; a few are passed over."""
    async with open_gateway() as running, running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_message()
        await peer.send_frame(TEXT, b"keep-alive")
        await peer.send_frame(PING, b"?")
        assert await peer.receive_frame() == (0x8A, b"?")
        # At once: sent one by one they might take a slow machine so long that they are allowed.
        await peer.stream.send_all(frame(TEXT, b"flood") * 30)

        assert await peer.receive_close() == 1008


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        (
            b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ),
        b"x" * 100_000,
    ],
    ids=["plain-get", "post", "tls", "bad-host", "endless-line"],
)
async def test_gateway_turns_away_what_is_no_websocket(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    """Whatever else comes to the port is closed at once, without waiting for the deadline."""
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 3600.0)
    async with open_gateway() as running:
        async with running.raw_peer(handshake=False) as peer, trio.open_nursery() as nursery:
            nursery.start_soon(send_while_heard, peer, request_)
            await peer.wait_end()
        async with running.ready_peer():
            pass


async def send_while_heard(peer: Any, data: bytes) -> None:
    """Send *data* to a server that may close in the middle of it."""
    with suppress(trio.BrokenResourceError):
        await peer.stream.send_all(data)


async def test_gateway_closes_who_never_shakes_hands(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that only connects holds its place no longer than `HANDSHAKE_S`."""
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 0.05)
    async with open_gateway() as running, running.raw_peer(handshake=False) as peer:
        await peer.wait_end()


async def test_gateway_forgets_who_leaves_in_the_handshake(
    open_gateway: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request and then the end frees the place at once."""
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 3600.0)
    async with open_gateway(max_connections=1) as running:
        async with running.raw_peer(handshake=False) as peer:
            await peer.stream.send_all(b"GET / HTTP/1.1\r\nHo")
            await eventually(lambda: running.gateway._admission._open == 1)
        await eventually(lambda: running.gateway._admission._open == 0)
        async with running.ready_peer():
            pass


@pytest.mark.parametrize(
    "limit", ["max_connections", "max_connections_per_address", "max_connections_per_user"]
)
async def test_gateway_refuses_one_socket_too_many(
    open_gateway: Any, eventually: Any, limit: str
) -> None:
    """Beyond a cap the code is 1013; who was there first stays, and a freed place is given again."""
    async with open_gateway(**{limit: 2}) as running:
        async with running.ready_peer() as first, running.ready_peer():
            async with running.peer("u1") as third:
                assert await third.close_code() == 1013
            await running.submit()
            assert (await first.receive())["type"] == "submission.queued"
        await eventually(lambda: running.gateway._admission._open == 0)
        async with running.ready_peer():
            pass


async def test_gateway_asks_to_come_back_while_the_store_is_away(
    open_gateway: Any, store: Any
) -> None:
    """Who comes while the store is away hears 1013, and is served once it is back."""
    async with open_gateway() as running:
        store.kill()
        async with running.peer("u1") as peer:
            assert await peer.close_code() == 1013
        store.start()
        with trio.fail_after(120):
            while not await becomes_ready(running):
                pass


async def test_gateway_says_ready_only_when_subscribed(open_gateway: Any, tmp_path: Path) -> None:
    """While events can't be heard, a history that can be read makes nobody ready."""
    nowhere = f"unix://{tmp_path}/nowhere.sock"
    async with open_gateway(events_url=nowhere) as running, running.peer("u1") as peer:
        assert await peer.close_code_or_message() == 1013


async def becomes_ready(running: Any) -> bool:
    """Tell whether a new client is served."""
    async with running.peer("u1") as peer:
        code = await peer.close_code_or_message()
        assert code == 1013 or code["type"] == "ready"
        return code != 1013


def test_close_reasons_are_short_sentences() -> None:
    """A close frame has room for 123 bytes; what we say there fits."""
    from protocol.frames import RemoteProtocolError, parse_first_message

    for hello in ("", "{", '{"user_id":1}', '{"user_id":"u1","after":"x"}', "x" * 5000):
        with pytest.raises(RemoteProtocolError) as caught:
            parse_first_message(hello)
        assert re.fullmatch(r"[ -~]{1,123}", str(caught.value))
