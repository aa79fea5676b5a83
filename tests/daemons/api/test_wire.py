"""What no HTTP library would send: the server answers or hangs up, and serves the next client."""

from __future__ import annotations

import itertools
import json
import re
import socket
from contextlib import suppress

import pytest
import trio

from daemons.config import Api as ApiConfig
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, open_api

BODY = json.dumps(GOOD).encode()
HEAD = b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


async def talk(api: Api, *pieces: bytes) -> bytes:
    """Send *pieces* on one connection and return all that comes back until it closes."""
    received = b""
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        # Who is refused before all is sent finds the answer behind the broken pipe.
        with suppress(trio.BrokenResourceError):
            for piece in pieces:
                await stream.send_all(piece)
        with suppress(trio.BrokenResourceError):
            while data := await stream.receive_some():
                received += data
    return received


def status_of(received: bytes) -> int:
    """Return the status of the first answer in *received*."""
    return int(received.split(b" ", 2)[1])


TARGETS = {
    b"//submissions": 422,
    b"/./submissions": 404,
    b"*": 404,
    b"?user_id=u1": 200,
    b"http://x/healthz": 200,
    b"x": 404,
    b"/submissions?user_id=%": 422,
}
HOSTS = [b"x", b"", b"a b", b"[::", b"x:99999", b"\xff"]


async def test_odd_targets_and_hosts_are_no_error_of_ours(
    api: Api, subtests: pytest.Subtests
) -> None:
    """Whatever stands in the request line or in `Host`, it is never a 500."""
    for (target, status), host in itertools.product(TARGETS.items(), HOSTS):
        with subtests.test(f"{target!r} {host!r}"):
            head = b"GET %s HTTP/1.1\r\nConnection: close\r\nHost: %s\r\n\r\n" % (target, host)

            assert status_of(await talk(api, head)) in {status, 400, 404}


async def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    """Three requests sent at once get their three answers."""
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = await talk(api, b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n" + WHOLE + last)

    answers = [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)]
    assert answers == [404, 202, 200]


async def test_answer_before_the_body_is_the_last(api: Api) -> None:
    """Who is refused at the head is told that no other request is taken on this connection."""
    head = b"POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    early = await talk(api, head)
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        await stream.send_all(last)
        late = bytes(await stream.receive_some())

    assert (status_of(early), status_of(late)) == (404, 200)
    assert [b"connection: close" in answer.lower() for answer in (early, late)] == [True, False]


async def test_answer_is_one_packet(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body of an answer whose length is known are one write, with or without a body."""
    written: list[bytes] = []
    send_all = trio.SocketStream.send_all

    async def record(stream: trio.SocketStream, data: bytes) -> None:
        if stream.socket.getsockname()[1] == api.port:
            written.append(bytes(data))
        await send_all(stream, data)

    monkeypatch.setattr(trio.SocketStream, "send_all", record)
    asked = [
        b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % line
        for line in ((b"GET", b"/healthz"), (b"GET", b"/nosuch"), (b"HEAD", b"/problems"))
    ]
    received = [await talk(api, request) for request in asked]

    assert written == received
    assert [status_of(answer) for answer in written] == [200, 404, 200]


async def test_client_that_asks_first_is_told_to_go_on(api: Api) -> None:
    """`Expect: 100-continue`, as curl sends before a large body, is answered before the body."""
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        await stream.send_all(
            WHOLE.replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1)[: -len(BODY)]
        )
        assert status_of(await stream.receive_some()) == 100
        await stream.send_all(BODY)
        assert status_of(await stream.receive_some()) == 202


async def test_endless_body_is_cut(api: Api) -> None:
    """A body that never ends is read for a while, kept nowhere, and then refused."""
    chunk = b"%x\r\n" % 65_536 + b"x" * 65_536 + b"\r\n"
    received = await talk(api, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 200)

    assert received == b"" or status_of(received) == 413
    assert (await api.get("/healthz")).status_code == 200


async def test_slow_body_is_cut(store: StoreProcess) -> None:
    """A body that stalls is given up after the configured time: 408."""
    config = store.config(api=ApiConfig(body_timeout_s=0.1))
    async with open_api(config) as api:
        received = await talk(api, HEAD + b"Content-Length: 500\r\n\r\n{")

    assert status_of(received) == 408
    assert b"application/problem+json" in received


async def test_slow_head_is_cut(api: Api) -> None:
    """Who does not get to the end of a head is hung up on, without an answer."""
    assert await talk(api, b"GET / HTTP/1.1\r\nHo") == b""


@pytest.mark.parametrize("cut", [1, len(HEAD) - 3, len(WHOLE) - len(BODY), len(WHOLE) - 1])
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
async def test_client_gone_before_the_end_leaves_nothing(api: Api, cut: int, reset: bool) -> None:
    """A request that never was complete stores nothing, however its client went."""
    stream = await trio.open_tcp_stream("127.0.0.1", api.port)
    await stream.send_all(WHOLE[:cut])
    if reset:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await stream.aclose()

    assert (await api.post({**GOOD, "user_id": "u2"})).status_code == 202
    assert (await api.get("/submissions?user_id=u1")).json()["submissions"] == []


async def test_kept_connection_does_not_hold_up_the_end(store: StoreProcess) -> None:
    """A client that keeps its connection open after an answer delays no stop."""
    config = store.config(api=ApiConfig(drain_s=3600))
    async with open_api(config) as api:
        stream = await trio.open_tcp_stream("127.0.0.1", api.port)
        await stream.send_all(WHOLE)
        assert status_of(await stream.receive_some()) == 202
        api.service.stopping.set()
        # Read the rest of the answer, if any, and then the end that the server makes.
        while await stream.receive_some():
            pass
        await stream.aclose()


async def test_unread_body_ends_the_connection(api: Api) -> None:
    """An answer that came before the body was complete closes the connection behind it."""
    received = await talk(api, b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")

    assert status_of(received) == 200


async def test_many_clients_that_vanish_harm_nobody(api: Api) -> None:
    """Clients that reset at every stage of an answer leave a server that serves."""
    for _ in range(20):
        stream = await trio.open_tcp_stream("127.0.0.1", api.port)
        await stream.send_all(WHOLE * 3)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()

    assert (await api.post({**GOOD, "user_id": "u2"})).status_code == 202
