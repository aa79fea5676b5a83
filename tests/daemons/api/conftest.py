"""The API as it runs in production, on an inherited socket, over a real store; and a worker's hands."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import trio

from daemons.api.main import serve_api
from daemons.broker import Claim, Claims, Step, StoreUnavailable, open_broker, open_intake
from daemons.config import Config
from daemons.config import Worker as WorkerConfig
from daemons.service import Service
from protocol.messages import (
    EventType,
    Judgement,
    LanguageInfo,
    TestDone,
    Verdict,
    WorkerInfo,
)
from tests.conftest import StoreProcess

PATIENCE_S = 120.0

PROBLEM_YAML = """\
problem_format_version: 2025-09
type: pass-fail
name: Echo
uuid: 6a3d8e3c-7d44-4dd8-9f4b-7a1c9a1b2c3d
license: cc0
keywords: [strings]
limits:
  time_limit: 1
"""

GOOD: dict[str, Any] = {
    "problem_id": "echo",
    "user_id": "u1",
    "language": "python",
    "code": "print(input())",
}


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Let the store take its time on a machine that stands still for a second: no 503 for that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemons.api.store.READ_S", PATIENCE_S)
        patch.setattr("daemons.broker.events._CONFIRM_S", PATIENCE_S)
        yield


def write_problem(folder: Path) -> None:
    """Write the package of the problem `echo`."""
    for name, text in {
        "problem.yaml": PROBLEM_YAML,
        "statement/problem.en.md": "Print what you read.\n",
        "attachments/starter.py": "# begin here\n",
        "data/sample/1.in": "hello\n",
        "data/sample/1.ans": "hello\n",
        "data/secret/1.in": "a secret\n",
        "data/secret/1.ans": "a secret\n",
    }.items():
        path = folder / "problems" / "echo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def run_daemon(
    name: str, config: Path, notify: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `gavel NAME` as a process; give it and its ``host:port`` once it says that it is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(notify))
        ear.settimeout(PATIENCE_S)
        process = subprocess.Popen(
            [sys.executable, "-m", "daemons.cli.main", name, "--config", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": str(notify)},
            stderr=subprocess.DEVNULL,
        )
        try:
            said = ear.recv(4096).decode()
            assert said.startswith("READY=1\n")
            (status,) = (line for line in said.splitlines() if line.startswith("STATUS="))
            yield process, status.rsplit(" ", 1)[1].removeprefix("http://")
        finally:
            process.kill()
            process.wait()


def write_config(store: StoreProcess, **listen: str) -> Path:
    """Write a configuration of *store* and one problem, daemons on ports of the system's choice."""
    write_problem(store.folder)
    file = store.folder / "supervisor.toml"
    api, gateway = (listen.get(name, "127.0.0.1:0") for name in ("api", "gateway"))
    file.write_text(
        f'[store]\nurl = "{store.url}"\n[api]\nlisten = "{api}"\n[gateway]\nlisten = "{gateway}"\n'
    )
    return file


class Api:
    """A served API: a client of it, its port, its service, and the broker behind."""

    def __init__(self, client: httpx2.AsyncClient, port: int, service: Service) -> None:
        self.client = client
        self.port = port
        self.service = service

    async def post(self, body: object = None, *, path: str = "/submissions", **more: Any) -> Any:
        """POST *body* as JSON, or bytes as they are."""
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/json"} | more.pop("headers", {})
            return await self.client.post(path, content=body, headers=headers, **more)
        return await self.client.post(path, json=body, **more)

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        """GET *path*."""
        return await self.client.get(path, **more)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Return when *check* holds; the test's own deadline bounds it."""
    while True:
        if await check():
            return
        await trio.sleep(0.02)


@asynccontextmanager
async def open_api(config: Config) -> AsyncIterator[Api]:
    """Serve the API of *config* on a free port, as `run` does but for signals."""
    write_problem(config.path("."))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    service = Service("api", sockets=[listening])
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_api, config, service)
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False
            ) as client:
                yield Api(client, port, service)
            service.stopping.set()


class Worker:
    """A worker's hands on the real queue: the test decides what is claimed and judged."""

    def __init__(self, claims: Claims, pop: Any) -> None:
        self._claims = claims
        self._pop = pop

    async def take(self) -> Claim:
        """Take the next submission that was not cancelled."""
        popped = claim = None
        with trio.fail_after(2 * PATIENCE_S):
            while claim is None:
                # Every call waits for the store itself, so this does not spin.
                with suppress(StoreUnavailable):
                    # What was popped and could not be claimed yet, nobody else here puts back.
                    popped = popped or await self._pop(suspects=False)
                    if popped is not None:
                        claim = await self._claims.claim(popped.partition, popped.element)
                        popped = None
        return claim

    async def finish(self, judgement: Judgement, steps: Sequence[Step] = ()) -> str:
        """Take the next submission that was not cancelled, judge it so and return its id."""
        claim = await self.take()
        with trio.fail_after(PATIENCE_S):
            assert await self._claims.finish(claim, judgement, 0, steps)
        return claim.submission_id

    async def judge(self, verdict: Verdict = Verdict.ACCEPTED, *, tests: int = 0) -> str:
        """Take the next submission, tell of *tests* tests, judge it and return its id."""
        judgement = Judgement(verdict=verdict, tests_passed=2, tests_total=2, time_s=0.01)
        steps = [
            Step.of(
                EventType.TEST,
                TestDone(
                    index=index,
                    total=tests,
                    name=f"secret/{index}",
                    verdict=Verdict.ACCEPTED,
                    time_s=0.01,
                    memory_bytes=1_000_000,
                ),
            )
            for index in range(1, tests + 1)
        ]
        return await self.finish(judgement, steps)

    async def show(self, *languages: str) -> None:
        """Show that this worker lives and offers *languages*."""
        offered = tuple(
            LanguageInfo(id=each, name=each.title(), version="1", extensions=(f".{each}",))
            for each in languages
        )
        await self.show_as(WorkerInfo(name="w1", slots=2, busy=0, grade="full", languages=offered))

    async def show_as(self, info: WorkerInfo) -> None:
        """Show that the worker of *info* lives."""
        await self._claims.show(info, 1)


@asynccontextmanager
async def open_worker(config: Config) -> AsyncIterator[Worker]:
    """Open a worker on the store of *config*; once shown, it lives for longer than a test takes."""
    lasting = msgspec.structs.replace(config, worker=WorkerConfig(beat_s=200, lease_s=400))
    async with (
        open_broker(lasting, name="test-worker") as broker,
        open_intake(broker, name="test-intake") as intake,
    ):
        yield Worker(Claims(broker, "w1"), intake.pop)


@pytest.fixture
async def api(store: StoreProcess) -> AsyncIterator[Api]:
    """Give an API on a store of its own."""
    async with open_api(store.config()) as served:
        yield served


@pytest.fixture
async def worker(store: StoreProcess) -> AsyncIterator[Worker]:
    """Give a worker on the same store."""
    async with open_worker(store.config()) as hands:
        yield hands
