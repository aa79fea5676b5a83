"""The supervisor over the real daemons: restarts under load, standstill, a store that comes and goes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from daemons.supervisor.client import Client
from tests.conftest import StoreProcess
from tests.system.conftest import GAVEL, WAIT_S, System, started, submission

#: Of each daemon so many, 30 in all; those of different daemons run into each other.
RESTARTS = {"api": 12, "gateway": 12, "worker": 6}
#: No self-test and short deadlines: these tests are about what happens around the work.
QUICK = """
[sandbox]
self_test = false
[supervisor]
backoff_initial_s = 0.05
"""
#: Of those who stand still and of nobody else, though the machine may halt for a moment.
WATCHED = f"{QUICK}watchdog_s = 3.0\n"


class Caller(threading.Thread):
    """Calls the API again and again, on one connection or on a new one each time."""

    def __init__(self, url: str, *, keep: bool) -> None:
        super().__init__()
        self.answered = 0
        self.failed: list[str] = []
        self._url, self._keep = url, keep
        self._over = threading.Event()

    def run(self) -> None:
        """Call until told to stop."""
        headers = {} if self._keep else {"Connection": "close"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=WAIT_S) as http:
            while not self._over.wait(0.05):
                try:
                    self.call(http)
                    self.answered += 1
                except (httpx.HTTPError, AssertionError) as exc:
                    self.failed.append(repr(exc))

    def call(self, http: httpx.Client) -> None:
        """Ask for what needs no store."""
        assert http.get("/problems").status_code == 200

    def stop(self) -> None:
        """Let it end after the request that it is in."""
        self._over.set()
        self.join(WAIT_S)


class Submitter(Caller):
    """Submits, waits for the verdict, and so on; keeps the ids that it was told."""

    def __init__(self, url: str, user: str, *, keep: bool) -> None:
        super().__init__(url, keep=keep)
        self.accepted: list[str] = []
        self._body = submission("print(1)", user_id=user)

    def call(self, http: httpx.Client) -> None:
        """Submit, and be told the verdict unless that takes long or the API stops."""
        answer = http.post("/submissions?wait=5", json=self._body)
        assert answer.status_code in {200, 202}, answer.text
        self.accepted.append(answer.json()["id"])


class Watcher(threading.Thread):
    """Follows a user's events and comes back with `after` whenever the socket is closed."""

    def __init__(self, address: str, user: str) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self._address, self._user = address, user
        self._over = threading.Event()

    @property
    def judged(self) -> set[str]:
        """The submissions whose verdict it was told."""
        return {
            event["submission_id"]
            for event in list(self.events)
            if event["type"] == "submission.judged"
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(WAIT_S)

    def run(self) -> None:
        """Follow until told to stop."""
        while not self._over.is_set():
            with suppress(OSError, WebSocketException):
                self._follow()

    def _follow(self) -> None:
        hello: dict[str, Any] = {"user_id": self._user, "after": 0}
        if self.events:
            hello["after"] = self.events[-1]["id"]
        with connect(f"ws://{self._address}/", open_timeout=WAIT_S) as client:
            client.send(json.dumps(hello))
            while not self._over.is_set():
                with suppress(TimeoutError):
                    frame = json.loads(client.recv(timeout=0.1))
                    (self.frames if frame["type"] == "ready" else self.events).append(frame)

    def missed(self) -> list[dict[str, Any]]:
        """Return the events whose predecessor did not come, and the replies that told of a loss."""
        told = [frame for frame in self.frames if not frame["recovered"]]
        before = [{"id": self.events[0]["prev"]}, *self.events] if self.events else []
        return told + [
            event
            for last, event in zip(before, self.events, strict=False)
            if event["prev"] != last["id"]
        ]


@contextmanager
def system_with(more: str) -> Iterator[System]:
    """Run a system of a test's own with *more* in its configuration."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-") as folder,
        started(Path(folder), more=more) as system,
    ):
        yield system


def restart(system: System, name: str, times: int) -> None:
    """Do what `gavel restart NAME` does, without starting an interpreter for it."""
    for _ in range(times):
        with Client(system.folder / "var/supervisor.sock") as client:
            client.ask("restart", name=name)


def instances(system: System, name: str) -> list[dict[str, Any]]:
    """Return the processes of a daemon, whether or not all are ready."""
    found: list[dict[str, Any]] = Asker(system.folder).status()["daemons"][name]["instances"]
    return found


def test_rolling_restarts_under_load_fail_no_request_and_miss_no_event() -> None:
    """Thirty restarts while users submit and watch: each request is answered, each event told."""
    with system_with(QUICK) as system:
        url = f"http://{system.listen('api')}"
        submitters = [Submitter(url, "u1", keep=False), Submitter(url, "u1", keep=True)]
        callers = [*submitters, Caller(url, keep=False), Caller(url, keep=True)]
        with Watcher(system.listen("gateway"), "u1") as watcher:
            for caller in callers:
                caller.start()
            with ThreadPoolExecutor() as restarting:
                done = [restarting.submit(restart, system, *each) for each in RESTARTS.items()]
            for each in done:
                each.result()
            system.wait(
                lambda: sum(len(each.accepted) for each in submitters) > sum(RESTARTS.values()),
                "more submissions than restarts",
            )
            for caller in callers:
                caller.stop()
            accepted = {one for submitter in submitters for one in submitter.accepted}
            system.wait(lambda: accepted <= watcher.judged, "all judged and told")

        assert [caller.failed for caller in callers] == [[], [], [], []]
        assert watcher.missed() == []
        verdicts = [event for event in watcher.events if event["type"] == "submission.judged"]
        assert len(verdicts) == len(accepted)
        # What a stopping worker finishes or gives back costs no attempt.
        requeued = [event for event in watcher.events if event["type"] == "submission.requeued"]
        assert {event["reason"] for event in requeued} <= {"released"}
        assert system.log().count("daemon died") == 0


def test_gateway_that_stands_still_is_replaced_and_its_clients_miss_nothing() -> None:
    """SIGSTOP of the gateway: the watchdog kills it, a new one serves the same address."""
    with system_with(WATCHED) as system, system.http() as http:
        with Watcher(system.listen("gateway"), "u1") as watcher:
            system.wait(lambda: watcher.frames, "a socket")
            os.kill(instances(system, "gateway")[0]["pid"], signal.SIGSTOP)
            answer = http.post("/submissions?wait=60", json=submission("print(1)")).json()
            assert answer["status"] == "done"
            system.wait(lambda: answer["id"] in watcher.judged, "the verdict on a new socket")

        assert watcher.missed() == []
        (one,) = instances(system, "gateway")
        assert one["restarts"] == 1
        assert one["last_exit"]["reason"] == "its loop was silent for 3 s"


def test_api_that_stands_still_is_replaced_while_the_other_serves() -> None:
    """SIGSTOP of one of two API processes: only what it had in its hands fails; it is replaced."""
    with system_with(WATCHED) as system:
        with Client(system.folder / "var/supervisor.sock") as client:
            assert client.ask("scale", name="api", processes=2) == "api: 1 -> 2 processes"
        url = f"http://{system.listen('api')}"
        submitters = [Submitter(url, f"u{number}", keep=False) for number in range(3)]
        for submitter in submitters:
            submitter.start()
        os.kill(instances(system, "api")[0]["pid"], signal.SIGSTOP)
        system.wait(lambda: instances(system, "api")[0]["restarts"] == 1, "a new process")
        Asker(system.folder).wait_up(ready=True)
        seen = [len(submitter.accepted) for submitter in submitters]
        system.wait(
            lambda: all(
                len(one.accepted) > before for one, before in zip(submitters, seen, strict=True)
            ),
            "everybody served",
        )
        for submitter in submitters:
            submitter.stop()

        assert all(len(submitter.failed) <= 1 for submitter in submitters)
        assert [one["restarts"] for one in instances(system, "api")] == [1, 0]


def test_store_that_comes_and_goes_restarts_nobody(
    start_store: Callable[..., StoreProcess],
) -> None:
    """No store at the start, then one, then none, then one: not ready and ready again, by itself."""
    store = start_store()
    store.kill()
    with tempfile.TemporaryDirectory(prefix="gavel-") as name:
        folder = Path(name)
        folder.joinpath("supervisor.toml").write_text(
            f'[store]\nurl = "{store.url}"\n[api]\nlisten = "127.0.0.1:0"\n[gateway]\n'
            f'listen = "127.0.0.1:0"\n[worker]\nslots = 1\n[problems]\ndirs = []\n{QUICK}'
        )
        ready, tell = os.pipe()
        with folder.joinpath("log").open("wb") as log:
            up = subprocess.Popen(
                [GAVEL, "up", "--ready-fd", str(tell)],
                cwd=folder, stdout=log, stderr=log, pass_fds=[tell],
            )  # fmt: skip
        os.close(tell)
        try:
            ask = Asker(folder)
            ask.wait_up(ready=False)
            assert not select.select([ready], [], [], 0)[0]
            assert ask.status()["queue"] is None

            for _ in range(2):
                store.start()
                ask.wait_up(ready=True)
                store.kill()
                ask.wait_up(ready=False)
            assert os.read(ready, 4096).startswith(b"ready api=")
            assert ask.restarts() == 0
            up.terminate()
            assert up.wait(WAIT_S) == 0
        finally:
            os.close(ready)
            up.terminate()
            up.wait(WAIT_S)


class Asker:
    """Asks a supervisor how it is, one that may not answer yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def status(self) -> dict[str, Any]:
        """Return the status."""
        with Client(self._folder / "var/supervisor.sock") as client:
            answer: dict[str, Any] = client.ask("status")
        return answer

    def _all(self) -> list[dict[str, Any]]:
        daemons = self.status()["daemons"].values()
        return [one for daemon in daemons for one in daemon["instances"]]

    def restarts(self) -> int:
        """Return how often anybody was restarted."""
        return sum(one["restarts"] for one in self._all())

    def wait_up(self, *, ready: bool) -> None:
        """Wait until all daemons are up, and each is *ready* or each is not."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            with suppress(Exception):
                found = self._all()
                seen = {(one["state"] == "running", one["ready"]) for one in found}
                if seen == {(True, ready)}:
                    return
            time.sleep(0.05)
        pytest.fail(f"not up with ready={ready}: {(self._folder / 'log').read_text()}")
