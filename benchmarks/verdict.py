"""The whole way: from a POST to the verdict on the WebSocket, with everything running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h11
import trio
from trio_websocket import open_websocket_url

from benchmarks.bare import run_bare, run_bare_for
from benchmarks.measure import (
    Comparison,
    Effort,
    benchmark,
    durations,
    rates,
    ratio_at_least,
    ratio_at_most,
)
from daemons.worker.toolchains import find_toolchains
from judging.languages import load_languages

_START_S = 60.0
_VERDICT_S = 30.0
_IN_FLIGHT = 8
_USER = "bench"
_CODE = "a, b = map(int, input().split())\nprint(a + b)\n"
_INPUT, _ANSWER = "20 22\n", "42\n"
_CONFIG = """
[store]
listen = ""
[api]
listen = "127.0.0.1:0"
[gateway]
listen = "127.0.0.1:0"
[worker]
prepare = false
"""


def make_site(folder: Path) -> None:
    """Lay out a configuration and a problem with one test in *folder*."""
    (folder / "supervisor.toml").write_text(_CONFIG)
    (folder / "solution.py").write_text(_CODE)
    (folder / "solution.in").write_text(_INPUT)
    files = {
        "problem.yaml": "problem_format_version: 2025-09\nname: Sum\n"
        "uuid: 00000000-0000-0000-0000-000000000001\n",
        "statement/problem.en.md": "Add two numbers.\n",
        "data/secret/1.in": _INPUT,
        "data/secret/1.ans": _ANSWER,
    }
    for name, text in files.items():
        path = folder / "problems" / "sum" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


_GAVEL = str(Path(sys.executable).parent / "gavel")


@asynccontextmanager
async def start_system(folder: Path) -> AsyncIterator[trio.Process]:
    """Run `gavel up` in *folder*; yields its process when all is ready."""
    ready, tell_ready = os.pipe()
    with (folder / "up.log").open("wb") as log:
        up = partial(
            trio.run_process,
            [_GAVEL, "up", "--ready-fd", str(tell_ready)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(tell_ready,),
            check=False,
        )
        async with trio.open_nursery() as nursery:
            process = await nursery.start(up)
            os.close(tell_ready)
            async with trio.lowlevel.FdStream(ready) as stream:
                with trio.fail_after(_START_S):
                    said = await stream.receive_some()
            assert said.startswith(b"ready "), (folder / "up.log").read_text()
            yield process
            process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def open_system(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Run `gavel up` in *folder*; yields the addresses of the API and the gateway."""
    async with start_system(folder):
        status = await trio.run_process(
            [_GAVEL, "status", "--json"], cwd=folder, capture_stdout=True
        )
        listening = {
            name: daemon["listen"][0]
            for name, daemon in json.loads(status.stdout)["daemons"].items()
            if daemon["listen"]
        }
        yield listening["api"], listening["gateway"]


class ApiConnection:
    """One kept HTTP connection, as lean as a load generator on the same two cores must be."""

    def __init__(self, stream: trio.SocketStream, host: str) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)
        self._host = host

    async def post(self, path: str, body: bytes) -> Any:
        """Send *body* and return the JSON of the answer, which must be a 202."""
        headers = [
            ("Host", self._host),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        sent = [
            h11.Request(method="POST", target=path, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ]
        await self._stream.send_all(b"".join(self._http.send(event) or b"" for event in sent))
        answer, status = b"", 0
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._stream.receive_some())
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                answer += event.data
        assert status == 202, answer
        self._http.start_next_cycle()
        return json.loads(answer)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


def request_of(user_id: str) -> bytes:
    """Return the body of a submission that solves the problem of `make_site`."""
    request = {"problem_id": "sum", "user_id": user_id, "language": "python", "code": _CODE}
    return json.dumps(request).encode()


class Client:
    """A user with one WebSocket and several HTTP connections."""

    def __init__(self, api: str, count: int) -> None:
        self._api = api
        self._count = count
        self.connections: list[ApiConnection] = []
        self._judged: dict[str, str] = {}
        self._news: dict[str, trio.Event] = {}

    async def connect(self) -> None:
        """Open the HTTP connections; the API closes those that stood idle for a turn."""
        await self.aclose()
        host, _, port = self._api.rpartition(":")
        self.connections = [
            ApiConnection(await trio.open_tcp_stream(host, int(port)), self._api)
            for _ in range(self._count)
        ]

    async def aclose(self) -> None:
        """Close the HTTP connections."""
        for connection in self.connections:
            await connection.aclose()
        self.connections = []

    async def serve_socket(
        self, gateway: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Take note of every verdict that comes over the WebSocket."""
        async with open_websocket_url(f"ws://{gateway}/") as socket:
            await socket.send_message(_USER)
            assert json.loads(await socket.get_message())["type"] == "ready"
            task_status.started()
            while True:
                event = json.loads(await socket.get_message())
                if event["type"] == "submission.judged":
                    self._judged[event["submission_id"]] = event["verdict"]
                    self._news.setdefault(event["submission_id"], trio.Event()).set()

    async def submit(self, number: int = 0) -> None:
        """Submit over connection *number* and return when the verdict has come."""
        with trio.fail_after(_VERDICT_S):
            submission = await self.connections[number].post("/submissions", request_of(_USER))
            await self._news.setdefault(submission["id"], trio.Event()).wait()
        assert self._judged.pop(submission["id"]) == "accepted"
        del self._news[submission["id"]]

    async def submit_for(self, seconds: float) -> int:
        """Keep `_IN_FLIGHT` submissions on their way for *seconds*; return how many were judged."""
        done = 0
        await self.connect()

        async def submit_until(deadline: float, number: int) -> None:
            nonlocal done
            while trio.current_time() < deadline:
                await self.submit(number)
                done += 1

        async with trio.open_nursery() as nursery:
            for number in range(len(self.connections)):
                nursery.start_soon(submit_until, trio.current_time() + seconds, number)
        return done


@asynccontextmanager
async def open_client(api: str, gateway: str, connections: int) -> AsyncIterator[Client]:
    """Connect a user with *connections* to the API and one WebSocket."""
    client = Client(api, connections)
    await client.connect()
    async with trio.open_nursery() as nursery:
        await nursery.start(client.serve_socket, gateway)
        yield client
        nursery.cancel_scope.cancel(reason="measured")
    await client.aclose()


async def bare_command(folder: Path) -> list[str]:
    """Return what runs the solution in *folder* with nothing around it."""
    python = (await find_toolchains([load_languages()["python"]]))["python"].tools["python"]
    return [python, "-B", str(folder / "solution.py")]


@benchmark(
    "verdict",
    ours="Python submission, POST to verdict on the WebSocket, one test, full isolation",
    bare="posix_spawn of `python3 solution.py`, the same interpreter",
    target=ratio_at_most(0.5),
)
async def verdict(effort: Effort) -> Comparison:
    """One submission at a time through API, store, worker, sandbox, gateway, in turn with bare.

    The clock runs from before the request is written until the event `submission.judged` is read.
    The store is the embedded one with the shipped settings, so the submission is on disk. Client
    and all daemons share the machine's cores.
    """
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
        folder = Path(name)
        make_site(folder)
        bare = await bare_command(folder)
        async with open_system(folder) as addresses, open_client(*addresses, 1) as client:
            return await durations(
                client.submit, lambda: run_bare(bare, folder / "solution.in"), effort.rounds
            )


@benchmark(
    "throughput",
    ours=f"Python submissions judged per second, {_IN_FLIGHT} in flight, end to end",
    bare="`python3 solution.py` per second, 2 at a time",
    target=ratio_at_least(2.0),
)
async def throughput(effort: Effort) -> Comparison:
    """As `verdict`, with several submissions on their way at a time, in turns with bare.

    The load generator runs on the same cores and is paid for by ours.
    """
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
        folder = Path(name)
        make_site(folder)
        bare = await bare_command(folder)
        async with open_system(folder) as addresses, open_client(*addresses, _IN_FLIGHT) as client:
            return await rates(
                client.submit_for,
                lambda seconds: run_bare_for(seconds, bare, folder / "solution.in"),
                effort,
            )
