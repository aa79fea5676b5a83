"""The whole system as `gavel up` starts it, in a folder of its own, on free ports."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from daemons.supervisor.procfs import processes, read_process

ROOT = Path(__file__).parents[2]
GAVEL = Path(sys.prefix) / "bin" / "gavel"
START_S = 120.0
STOP_S = 120.0
WAIT_S = 120.0

#: The verdict on an endless loop: a host that gives it no processor may find it idle.
ENDLESS = ("time_limit_exceeded", "idle_limit_exceeded")
#: Saves a start a second or two, for who looks at something else than the sandbox.
UNTESTED = "[sandbox]\nself_test = false\n"
CONFIG = """
[store]
{store}
[api]{api}
listen = "127.0.0.1:0"
[gateway]{gateway}
listen = "127.0.0.1:0"
[worker]{worker}
prepare = false
lease_s = 3.0
beat_s = 0.5
sweep_s = 0.2
limbo_s = 0.5
drain_s = 5.0
[problems]
dirs = ["{problems}"]
{more}
"""


class System:
    """A running system; *up* is the process of `gavel up`."""

    def __init__(self, folder: Path, up: subprocess.Popen[bytes], gavel: Path) -> None:
        self.folder = folder
        self.up = up
        self._gavel = gavel

    def status(self) -> dict[str, Any]:
        """Return what `gavel status --json` says."""
        done = self.gavel("status", "--json")
        assert done.returncode in (0, 3), done.stderr  # 3: not all of it is ready
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def gavel(self, *args: str, timeout_s: float = WAIT_S) -> subprocess.CompletedProcess[str]:
        """Run a `gavel` command in the system's folder."""
        return subprocess.run(
            [str(self._gavel), *args],
            cwd=self.folder,
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def listen(self, daemon: str) -> str:
        """Return the address at which *daemon* listens."""
        address: str = self.status()["daemons"][daemon]["listen"][0]
        return address

    def pid(self, daemon: str) -> int:
        """Return the process of *daemon*."""
        pid: int = self.status()["daemons"][daemon]["instances"][0]["pid"]
        return pid

    def kill(self, daemon: str) -> int:
        """End *daemon* by SIGKILL and return the pid that it had."""
        pid = self.pid(daemon)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_ready(self) -> None:
        """Wait until every daemon serves."""
        self.wait(lambda: self.status()["ready"], "all daemons are ready")

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until *condition* holds."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {WAIT_S} s: {what}")
            time.sleep(0.05)

    @contextmanager
    def redis(self) -> Iterator[socket.socket]:
        """Open a bare connection to the store, as any Redis client would."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(WAIT_S)
            client.connect(str(self.folder / "var" / "store" / "store.sock"))
            yield client

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        """Open an HTTP client of the API."""
        with httpx.Client(base_url=f"http://{self.listen('api')}", timeout=WAIT_S) as client:
            yield client

    @contextmanager
    def socket(self, first: str, address: str | None = None) -> Iterator[ClientConnection]:
        """Open a WebSocket, send *first*, and check that `ready` comes."""
        with connect(f"ws://{address or self.listen('gateway')}/", open_timeout=WAIT_S) as client:
            client.send(first)
            assert json.loads(client.recv(timeout=WAIT_S))["type"] == "ready"
            yield client

    def log(self) -> str:
        """Return what the system has logged so far; the last character may be half written."""
        return (self.folder / "log").read_text(errors="replace")


def events_until_judged(client: ClientConnection) -> list[dict[str, Any]]:
    """Receive events up to and including the verdict."""
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in ("submission.judged", "submission.cancelled"):
        events.append(json.loads(client.recv(timeout=WAIT_S)))
    return events


def submission(code: str, language: str = "python", **fields: Any) -> dict[str, Any]:
    """Return the body of a submission to two-sum."""
    return {
        "problem_id": "two-sum",
        "user_id": "u1",
        "language": language,
        "code": code,
        **fields,
    }


def reference(problem: str, folder: str, suffix: str) -> str:
    """Return the text of one of a problem's reference submissions."""
    found = sorted((ROOT / "problems" / problem / "submissions" / folder).glob(f"*{suffix}"))
    return found[0].read_text()


class Seen(NamedTuple):
    """A process that was there. By its pid alone it can't be known again: pids soon come round."""

    pid: int
    start_ticks: int


def see(pid: int) -> Seen:
    """Return the process that has *pid* now."""
    found = read_process(pid)
    assert found is not None, f"there is no process {pid}"
    return Seen(pid, found.start_ticks)


def is_alive(seen: Seen) -> bool:
    """Tell whether a process is still there, zombies not counted."""
    found = read_process(seen.pid)
    return found is not None and not found.zombie and found.start_ticks == seen.start_ticks


def processes_of(pid: int) -> set[Seen]:
    """Return *pid* and everything that descends from it."""
    there = {each.pid: each for each in processes()}
    found = {pid} & there.keys()
    while more := {each.pid for each in there.values() if each.parent in found} - found:
        found |= more
    return {Seen(each, there[each].start_ticks) for each in found}


@contextmanager
def started(
    folder: Path,
    *,
    worker: str = "\nslots = 2",
    store: str = 'listen = ""',
    api: str = "",
    gateway: str = "",
    more: str = "",
    problems: Path = ROOT / "problems",
    gavel: Path = GAVEL,
    within: tuple[str, ...] = (),
    wait: bool = True,
    **options: Any,
) -> Iterator[System]:
    """Start a system in *folder*, wait until it is ready, and stop it by SIGTERM at the end.

    *within* is a command that runs it; without *wait* it is not waited for.
    """
    (folder / "supervisor.toml").write_text(
        CONFIG.format(
            problems=problems, worker=worker, store=store, api=api, gateway=gateway, more=more
        )
    )
    ready, tell = os.pipe()
    with (folder / "log").open("wb") as log:
        up = subprocess.Popen(
            [*within, str(gavel), "up", "--ready-fd", str(tell)],
            cwd=folder,
            stdout=log,
            stderr=log,
            pass_fds=[tell],
            **options,
        )
    os.close(tell)
    try:
        if wait:
            readable, _, _ = select.select([ready], [], [], START_S)
            if not readable:
                raise TimeoutError(f"not ready in {START_S} s: {(folder / 'log').read_text()}")
            assert os.read(ready, 4096), f"ended at its start: {(folder / 'log').read_text()}"
        yield System(folder, up, gavel)
    finally:
        os.close(ready)
        up.terminate()
        try:
            up.wait(STOP_S)
        finally:
            up.kill()


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """Give a running system that the tests of a module share: they must leave it as it was."""
    with tempfile.TemporaryDirectory(prefix="gavel-") as folder, started(Path(folder)) as running:
        yield running


@pytest.fixture
def own_system() -> Iterator[System]:
    """Give a running system of a test's own, which it may break; its sandbox is taken on trust."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-") as folder,
        started(Path(folder), more=UNTESTED) as running,
    ):
        yield running
