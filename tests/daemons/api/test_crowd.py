"""Crowds that mean harm, or have a bad line: others don't notice, and nothing of them is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import trio

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, PATIENCE_S, run_daemon, write_config
from tests.daemons.api.test_wire import HEAD

CROWD = 500
USERS = 10
BOUND_S = 300.0
#: Kept by whoever remembers one thing of each bad request, it would show.
LONG = "x" * 2000
LAST = b"GET /nosuch HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
BATCH = 250
FLOOD = 3000
#: What an allocator may hold back: a third of what it would take to remember the flood.
SLACK_BYTES = FLOOD * len(LONG) // 3


@asynccontextmanager
async def open_crowd(port: int) -> AsyncIterator[list[trio.SocketStream]]:
    """Open connections that have each begun a request and go no further, and some that never read."""
    begun = [
        HEAD + b"Content-Length: 500\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ]
    async with AsyncExitStack() as stack:
        streams = []
        for number in range(CROWD):
            stream = await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", port))
            await stream.send_all(begun[number % 2])
            streams.append(stream)
        for part in (b"GET / HT", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50):
            for _ in range(CROWD // 10):
                opened = await trio.open_tcp_stream("127.0.0.1", port)
                await (await stack.enter_async_context(opened)).send_all(part)
        yield streams


def is_open(stream: trio.SocketStream) -> bool:
    """Tell whether nothing has come, not even the end."""
    return not stream.socket.is_readable()


async def ask(request: Callable[..., Awaitable[httpx2.Response]], path: str, **more: Any) -> Any:
    """Ask again while the answer is 503: for a second a busy machine may do nothing for the API."""
    while (answer := await request(path, **more)).status_code == 503:
        assert answer.json()["type"].endswith("store-unavailable"), answer.text
        await trio.sleep(0.1)
    return answer


async def test_users_are_served_beside_a_crowd_that_stalls(store: StoreProcess) -> None:
    """While 500 clients stall in their bodies, and others never read, each user gets his answers."""
    config = write_config(store)
    text = config.read_text().replace("[api]\n", "[api]\nbody_timeout_s = 3600.0\n")
    config.write_text(text)

    async def use(address: str, user: str) -> None:
        async with httpx2.AsyncClient(
            base_url=address, timeout=PATIENCE_S, trust_env=False
        ) as client:
            for _ in range(5):
                answer = await ask(client.post, "/submissions", json={**GOOD, "user_id": user})
                assert answer.status_code == 202
                shown = await ask(client.get, answer.headers["Location"])
                assert shown.json()["user_id"] == user

    with (
        trio.fail_after(BOUND_S),
        run_daemon("api", config, store.folder / "notify.sock") as (_, address),
    ):
        async with open_crowd(int(address.rpartition(":")[2])) as crowd:
            async with trio.open_nursery() as nursery:
                for number in range(USERS):
                    nursery.start_soon(use, f"http://{address}", f"u{number}")
            assert all(map(is_open, crowd))


def bad_requests(begin: int, count: int) -> Iterator[bytes]:
    """Yield requests that are each wrong in another way, no two with the same names."""
    for number in range(begin, begin + count):
        name = f"{number}{LONG}"
        path = (f"/{name}", f"/submissions/{name}", "/submissions", "/submissions", "/runs")[
            number % 5
        ]
        body = {**GOOD, ("user_id", "problem_id", name)[number % 3]: name}
        data = json.dumps(body).encode()[: -1 if number % 7 == 0 else None]
        if name in path:
            data = b""  # it is answered at once; a body that comes later would end the connection
        yield (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"X-{number}: {number}\r\nContent-Length: {len(data)}\r\n\r\n"
        ).encode() + data


async def flood(port: int, begin: int, count: int) -> None:
    """Send *count* bad requests, many at a time, and see that each has its 4xx."""
    for start in range(begin, begin + count, BATCH):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream, trio.open_nursery() as nursery:
            sent = b"".join(bad_requests(start, BATCH))
            nursery.start_soon(stream.send_all, sent + LAST)
            received = b""
            while data := await stream.receive_some():
                received += data
        assert received.count(b"HTTP/1.1 4") == received.count(b"HTTP/1.1 ") == BATCH + 1


def resident_bytes(pid: int) -> int:
    """Return how much memory the process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"process {pid} has gone")


async def test_flood_of_bad_requests_is_not_remembered(store: StoreProcess) -> None:
    """Memory after thousands of bad requests, no two alike, is what it was after the first ones."""
    config = write_config(store)
    with (
        trio.fail_after(BOUND_S),
        run_daemon("api", config, store.folder / "notify.sock") as (process, address),
    ):
        port = int(address.rpartition(":")[2])
        await flood(port, 0, 1000)
        before = resident_bytes(process.pid)
        await flood(port, 1000, FLOOD)
        assert resident_bytes(process.pid) - before < SLACK_BYTES
