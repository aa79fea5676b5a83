"""Clients that vanish, drip, flood, lie and never read, over WebSocket and HTTP."""

from __future__ import annotations

import ctypes
import gzip
import json
import math
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import trio

from tests.daemons.gateway.conftest import RawPeer, make_frame
from tests.faults.fault import Setup, TooLate, fault
from tests.faults.ground import Ground
from tests.system.conftest import submission

TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89
#: What 500 clients who have come and gone may leave, as a part of the memory before; and how many
#: times 500 come at most until it is seen that they leave no more.
GROWTH, CROWDS = 0.05, 6
FIRST_MESSAGE_S = 3.0


def gateway(*, alone: bool = False, **more: object) -> Setup:
    """Return a system whose gateway has *more* settings, and room for many sockets."""
    room = {"max_connections_per_address": 2000, "max_connections_per_user": 2000}
    table = "".join(f"\n{name} = {value}" for name, value in (room | more).items())
    return Setup(worker="\nprocesses = 1\nslots = 1", gateway=table, alone=alone)


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


#: Of linux/socket.h; Python has no names for them.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
#: A program of one instruction, "keep 0 bytes": of every packet, whoever sends it.
_KEEP_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))


def unplug(stream: trio.SocketStream) -> None:
    """Have the kernel pass over all that comes to *stream*: no data, no FIN, and no answer to it."""
    program = struct.pack("HL", 1, ctypes.addressof(_KEEP_NOTHING))
    stream.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def plug(stream: trio.SocketStream) -> None:
    """Let packets in again, so that the end of *stream* is heard on both sides."""
    stream.socket.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def count_clients(address: str) -> int:
    """Return how many connections whoever listens at *address* holds."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # State 0A listens; what its process has closed, or not taken yet, has no inode.
    return sum(row[1].endswith(port) and row[3] != "0A" and row[9] != "0" for row in rows)


async def half_open(ground: Ground) -> str:
    """500 clients are unplugged without a word, and again; pings and pongs at a tenth (2.5 and 1 s)."""
    (pid,) = await ground.pids("gateway")
    sizes, waits, growth = [], [], math.inf
    # What is kept of them shows each time; not so a heap that was cut up by their coming, or that
    # more of them were there at once than the time before.
    while growth >= GROWTH and len(sizes) < CROWDS:
        async with AsyncExitStack() as stack:
            peers: list[RawPeer] = []
            for number in range(500):
                peers.append(await stack.enter_async_context(raw_peer(ground, f"u{number}")))
                # At once: the first would be missed for his pongs before the last has come.
                unplug(peers[-1].stream)
            waits.append(
                await ground.until(
                    lambda: not count_clients(ground.gateway),
                    "the gateway lets silent clients go", 35.0,
                )
            )  # fmt: skip
            for peer in peers:
                plug(peer.stream)
        sizes.append(resident_bytes(pid))
        growth = sizes[-1] / sizes[-2] - 1 if len(sizes) > 1 else math.inf
    assert growth < GROWTH, f"{growth:.0%} more memory, and so each time: {sizes}"
    user = ground.user("real")
    await ground.judged(user, [await ground.submit(user)])
    return f"all dropped within {max(waits):.1f} s (bound 35); memory {growth:+.1%} with 500 more"


fault(23, "500 half-open sockets", gateway(ping_s=2.5, pong_s=1.0))(half_open)


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


@fault(35, "a wrong first message", gateway(first_message_s=FIRST_MESSAGE_S))
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
        begun = trio.current_time()
        async with raw_peer(ground) as peer:
            if data:
                await peer.stream.send_all(data)
            found = await peer.receive_close()
        if data and found == 4400 and trio.current_time() - begun > FIRST_MESSAGE_S:
            raise TooLate(f"{name}: this machine is slower than the client may be")
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
