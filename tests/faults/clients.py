"""Clients that vanish, drip, flood, lie and never read, over WebSocket and HTTP."""

from __future__ import annotations

import gzip
import itertools
import json
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import trio

from protocol import keys
from protocol.messages import SubmissionRequest
from tests.chaos.clients import User
from tests.daemons.gateway.conftest import RawPeer, make_frame
from tests.faults.fault import Setup, TooLate, fault
from tests.faults.ground import Ground
from tests.system.conftest import submission

MANY = """
max_connections_per_address = 2000
max_connections_per_user = 2000
"""
#: For a client that reads none of them: of each submission that is cancelled at once, two.
EVENTS = 10_000
#: What a round trip may take besides, however short it was alone.
SLACK_S = 0.1
TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89


def gateway(*, alone: bool = False, **more: object) -> Setup:
    """Return a system whose gateway has *more* settings, and room for many sockets."""
    table = "".join(f"{name} = {value}\n" for name, value in more.items())
    return Setup(worker="\nprocesses = 1\nslots = 1", gateway=f"{MANY}{table}", alone=alone)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def connect(address: str) -> trio.SocketStream:
    """Open a TCP connection to *address*."""
    host, port = address.rsplit(":", 1)
    return await trio.open_tcp_stream(host, int(port))


@asynccontextmanager
async def raw_peer(ground: Ground, first: str = "") -> AsyncIterator[RawPeer]:
    """Open a WebSocket without a library; send *first* and take its answer, if given."""
    async with await connect(ground.gateway) as stream:
        peer = RawPeer(stream)
        with trio.fail_after(30):
            await peer.shake_hands()
            if first:
                await peer.send_frame(TEXT, first.encode())
                assert (await peer.receive_message())["type"] == "ready"
        yield peer


async def publish(ground: Ground, user: str, count: int) -> list[str]:
    """Make 2 * *count* events of *user*: so many submissions, cancelled at once."""
    ids = []
    for _ in range(count):
        request = SubmissionRequest(
            problem_id="two-sum", user_id=user, language="python", code="print(1)", priority="low"
        )
        id_ = (await ground.broker.submit(request)).submission.id
        await ground.broker.cancel(id_)
        ids.append(id_)
    return ids


async def round_trip(ground: Ground, user: User) -> float:
    """Return how long a submission takes from its POST to its verdict at the WebSocket, in seconds."""
    begun = trio.current_time()
    await ground.judged(user, [await ground.submit(user, "print(1)")])
    return trio.current_time() - begun


def compare(alone: Sequence[float], beside: Sequence[float]) -> str:
    """Check that round trips take less than twice as long *beside* something; tell how long.

    Of so few the slowest says more about the machine than about what stands beside them, so their
    medians are compared, and the slowest are told.
    """
    before, now = statistics.median(alone), statistics.median(beside)
    told = (
        f"round trips {before * 1000:.0f} and {now * 1000:.0f} ms"
        f" (slowest {max(alone) * 1000:.0f} and {max(beside) * 1000:.0f})"
    )
    if now >= 2 * before + SLACK_S:
        raise TooLate(told)
    return told


async def half_open(ground: Ground) -> str:
    """500 clients stop answering without a word, three times; pings and pongs at a tenth (2.5 and 1 s)."""
    (pid,) = await ground.pids("gateway")
    sizes, waits = [], []
    for _ in range(3):
        async with AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(raw_peer(ground, f"u{n}")) for n in range(500)]
            begun = trio.current_time()
            with trio.move_on_after(35.0) as patience:
                for peer in peers:
                    await peer.wait_end()
            assert not patience.cancelled_caught, "silent clients are kept for more than 35 s"
            waits.append(trio.current_time() - begun)
        sizes.append(resident_bytes(pid))
    # What is kept of them shows each time; a heap that was cut up by their coming, once.
    growth = min(after / before - 1 for before, after in itertools.pairwise(sizes))
    assert growth < 0.05, f"{growth:.0%} more memory each time"
    user = ground.user("real")
    await ground.judged(user, [await ground.submit(user)])
    return f"all dropped within {max(waits):.1f} s (bound 35); memory {growth:+.1%} with 500 more"


fault(23, "500 half-open sockets", gateway(ping_s=2.5, pong_s=1.0))(half_open)


async def publish_beside(ground: Ground, user: User, reader: str) -> list[float]:
    """Return the seconds of 20 round trips of *user* while *reader* gets 10,000 events."""
    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(publish, ground, reader, EVENTS // 16)
        found = [await round_trip(ground, user) for _ in range(20)]
    # All of it is cancelled; what would be left is hints that workers take and drop.
    await ground.broker.redis.call(("DEL", keys.queue(0, "low")))
    return found


async def slow_reader(ground: Ground) -> str:
    """A client never reads while there are 10,000 events for it (1,000 are kept); others go on."""
    (pid,) = await ground.pids("gateway")
    user = ground.user("quick")
    await ground.judged(user, [await ground.submit(user, "print(1)") for _ in range(3)])
    # As many events, and nobody there for whom they are.
    alone = await publish_beside(ground, user, "nobody")
    async with raw_peer(ground, "slow") as slow:
        before = resident_bytes(pid)
        beside = await publish_beside(ground, user, "slow")
        growth = resident_bytes(pid) - before
        # Between two pings: it is as slow as it was, and gets no pong through either.
        with trio.move_on_after(30.0) as patience:
            while await slow.receive_frame() is not None:
                pass
        assert not patience.cancelled_caught, "the slow client was never let go"
    assert growth <= 2 << 20, f"{growth} bytes for it"
    again = ground.user("slow")
    await ground.until(lambda: len(again.events) >= 1000, "it gets all that is kept")
    assert again.warned["trimmed"] >= 1
    links = itertools.pairwise(again.events.values())
    assert all(after["prev"] == before_["id"] for before_, after in links)
    # The common check reads a story from its beginning, which is trimmed.
    ground.users.remove(again)
    return (
        f"{compare(alone, beside)} without and with it;"
        f" {growth / 1024:.0f} KiB for it; back, it got the {len(again.events)} events that are kept"
    )


fault(33, "a client that never reads", gateway(alone=True, send_s=1.0, ping_s=2.5, pong_s=1.0))(
    slow_reader
)
fault(
    33, "control: no deadline for sending", gateway(send_s=3600.0, ping_s=3600.0, pong_s=3600.0),
    must_fail="never let go",
)(slow_reader)  # fmt: skip

#: What is sent after a good first message, and how the connection may end: close codes, or by TCP.
MALFORMED: dict[str, tuple[bytes, tuple[int | None, ...]]] = {
    "reserved bits": (make_frame(0xF1, b"x"), (1002,)),
    "bad opcode": (make_frame(0x83, b"x"), (1002,)),
    "bad UTF-8": (make_frame(TEXT, b"\xff\xfe"), (1007,)),
    "split UTF-8, never ended": (make_frame(0x01, b"\xc3") + make_frame(0x80, b"x"), (1007,)),
    "ping of 126 bytes": (make_frame(PING, b"x" * 126), (1002,)),
    "unmasked": (make_frame(TEXT, b"x", masked=False), (1002,)),
    "10,000 empty continuations": (
        make_frame(0x01, b"") + make_frame(0x00, b"") * 10_000, (1002, 1008, 1009, None),
    ),
    "second handshake": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", (1002,)),
    "length of 1 GiB": (b"\x81\xff" + (1 << 30).to_bytes(8) + bytes(100_000), (1009, None)),
    "close code 999": (make_frame(CLOSE, (999).to_bytes(2)), (1002,)),
}  # fmt: skip


@fault(34, "malformed WebSocket traffic", gateway())
async def malformed(ground: Ground) -> str:
    """Ten kinds of frames that no client may send, each on a socket of its own."""
    user, seen = ground.user("real"), {}
    for name, (data, codes) in MALFORMED.items():
        async with raw_peer(ground, "rude") as peer:
            try:
                await peer.stream.send_all(data)
                seen[name] = await peer.receive_close()
            except trio.BrokenResourceError:
                seen[name] = None
            except trio.TooSlowError as exc:
                raise AssertionError(f"{name}: neither closed nor cut") from exc
            assert seen[name] in codes, f"{name}: {seen[name]}, not {codes}"
    await ground.judged(user, [await ground.submit(user)])
    assert "Traceback" not in ground.log()
    return f"closed with {sorted({str(code) for code in seen.values()})}; the server serves on"


#: The first message, and the close code.
FIRST: dict[str, tuple[bytes | None, int]] = {
    "none": (None, 4400),
    "binary": (make_frame(BINARY, b"u1"), 1003),
    "5 kB": (make_frame(TEXT, b"u" * 5000), 1009),
    "bad JSON": (make_frame(TEXT, b'{"user_id": '), 1008),
    "NUL": (make_frame(TEXT, b"u\0"), 1008),
    "300 characters": (make_frame(TEXT, b"u" * 300), 1008),
    "a colon": (make_frame(TEXT, b"a:b"), 1008),
    "braces": (make_frame(TEXT, b"{x}"), 1008),
    "a newline": (make_frame(TEXT, b"a\nb"), 1008),
}


@fault(35, "a wrong first message", gateway(first_message_s=1.0))
async def first_message(ground: Ground) -> str:
    """Nine kinds of first messages that name no user, ids that look like keys among them."""
    user = ground.user("real")
    await ground.judged(user, [await ground.submit(user)])
    call = ground.broker.redis.call

    async def keys_now() -> set[bytes]:
        # What daemons write about themselves comes and goes.
        found = await call(("KEYS", "*"))
        return {key for key in found if key.partition(b":")[0] not in (b"worker", b"metrics")}

    before = await keys_now()
    for name, (data, code) in FIRST.items():
        async with raw_peer(ground) as peer:
            if data:
                await peer.stream.send_all(data)
            found = await peer.receive_close()
            assert found == code, f"{name}: {found}, not {code}"
    assert await keys_now() <= before, await keys_now() - before
    return f"{len(FIRST)} of {len(FIRST)} closed as they should; no key was made"


def http_cases() -> dict[str, tuple[dict[str, Any], tuple[int, ...]]]:
    """Return bad requests by name: the arguments of a POST, and the statuses that are right."""
    good = json.dumps(submission("print(1)", user_id="rude")).encode()
    typed = {"Content-Type": "application/json"}
    return {
        "bad JSON": ({"content": good[:-1], "headers": typed}, (400,)),
        "wrong types": (
            {"json": {**submission("x"), "code": 5, "user_id": []}}, (422,),
        ),
        "nesting of 10,000": ({"content": b"[" * 10_000, "headers": typed}, (400, 422)),
        "duplicate keys": (
            {"content": good[:-1] + b', "code": "again"}', "headers": typed}, (400, 422),
        ),
        "huge numbers": (
            {"content": good[:-1] + b', "priority": ' + b"9" * 9999 + b"}", "headers": typed},
            (400, 422),
        ),
        "invalid UTF-8": ({"content": good[:-2] + b'\xff"}', "headers": typed}, (400,)),
        "gzip bomb": (
            {
                "content": gzip.compress(bytes(50 << 20)),
                "headers": {**typed, "Content-Encoding": "gzip"},
            },
            (400, 413, 415),
        ),
        "100 MB": ({"content": bytes(100 << 20), "headers": typed}, (413,)),
        "no type": ({"content": good, "headers": {"Content-Type": "text/plain"}}, (415,)),
    }  # fmt: skip


#: Bytes, and the only beginnings that their answers may have.
RAW_HTTP = {
    "smuggling: two lengths": (
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n{}{}",
        (b"HTTP/1.1 400",),
    ),
    "smuggling: length and chunked": (
        (
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
            b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n0\r\n\r\n"
        ),
        (b"HTTP/1.1 400",),
    ),
    "no length": (
        (
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\n\r\n"
        ),
        (b"HTTP/1.1 400", b"HTTP/1.1 411"),
    ),
    "pipelining": (
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ),
        (b"HTTP/1.1 200",),
    ),
}


@fault(36, "bad HTTP requests", gateway())
async def bad_http(ground: Ground) -> str:
    """Malformed, deep, huge and packed bodies, and requests that two servers would read differently."""
    user, seen = ground.user("real"), {}
    await ground.judged(user, [await ground.submit(user)])
    (pid,) = await ground.pids("api")
    cases = http_cases()
    before = resident_bytes(pid)
    for name, (request, codes) in cases.items():
        try:
            status = (await ground.http.post("/submissions", **request)).status_code
        except httpx2.TransportError:
            status = 0  # it hung up on what it would not read
        assert status in codes or (name == "100 MB" and status == 0), f"{name}: {status}"
        seen[name] = status
    for name, (data, beginnings) in RAW_HTTP.items():
        async with await connect(ground.api) as stream:
            await stream.send_all(data)
            with trio.fail_after(30):
                answer = bytes(await stream.receive_some(65536))
            assert answer.startswith(beginnings), f"{name}: {answer[:60]!r}"
    growth = resident_bytes(pid) - before
    assert growth < 10 << 20, f"{growth} bytes more memory"
    await ground.judged(user, [await ground.submit(user)])
    return f"{seen}; {growth / 1048576:.1f} MiB more memory (bound 10)"


async def drip(ground: Ground, address: str, begin: bytes, more: bytes, waits: list[float]) -> None:
    """Send *begin*, then *more* twice a second until the server hangs up; note after how long."""
    async with await connect(address) as stream:
        begun = trio.current_time()
        with trio.move_on_after(60.0):
            try:
                await stream.send_all(begin)
                while True:
                    await stream.send_all(more)
                    with trio.move_on_after(0.5):
                        if not await stream.receive_some(4096):
                            break
            except trio.BrokenResourceError:
                pass
        waits.append(trio.current_time() - begun)


@fault(37, "500 clients that drip", gateway(alone=True))
async def slowloris(ground: Ground) -> str:
    """500 clients send headers, bodies and handshakes a byte at a time while 20 real ones work."""
    users = [ground.user(f"u{number}") for number in range(20)]

    async def round_trips() -> list[float]:
        found: list[float] = []

        async def one(user: User) -> None:
            found.extend([await round_trip(ground, user) for _ in range(3)])

        async with trio.open_nursery() as nursery:
            for user in users:
                nursery.start_soon(one, user)
        return found

    await round_trips()
    alone = await round_trips()
    waits: list[float] = []
    kinds = (
        (ground.api, b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (
            ground.api,
            (
                b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000\r\n\r\n"
            ),
            b" ",
        ),
        (ground.gateway, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n", b"X: y\r\n"),
    )
    async with trio.open_nursery() as nursery:
        for number in range(500):
            nursery.start_soon(drip, ground, *kinds[number % 3], waits)
        beside = await round_trips()
    if max(waits) > 15.0:
        raise TooLate(f"the slowest was let be for {max(waits):.0f} s")
    return (
        f"60 real {compare(alone, beside)} without and with them;"
        f" all slow ones closed within {max(waits):.1f} s"
    )
