"""Restarting under load: the socket belongs to the supervisor, so nobody is refused."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, Self

import pytest

from daemons.supervisor.client import Refused

Spec = Callable[..., dict[str, Any]]
RESTARTS = 3


class Callers:
    """Threads that ask an address again and again, and count answers and refusals."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(2)]
        self.pids: set[int] = set()
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _call(self) -> None:
        while not self._stop.is_set():
            try:
                with socket.create_connection(self._address, timeout=120) as client:
                    self.pids.add(int(client.makefile().readline()))
            except (OSError, ValueError) as exc:
                self.errors.append(repr(exc))


def test_restart_with_overlap_refuses_nobody(suite: Any, spec: Spec) -> None:
    """Each restart brings a new process, and no caller is refused or dropped meanwhile."""
    suite.start(spec("one", "good", listen="127.0.0.1:0", overlap=True))
    suite.wait_ready()
    (address,) = suite.ask("status")["daemons"]["one"]["listen"]

    with Callers(address) as callers:
        for _ in range(RESTARTS):
            suite.ask("restart", name="one")
            serving = suite.status("one")["pid"]
            suite.wait_for(lambda pid=serving: pid in callers.pids, "an answer of the new one")

    assert callers.errors == []
    assert len(callers.pids) >= RESTARTS
    assert suite.status("one")["restarts"] == RESTARTS


def test_caller_waits_while_a_killed_daemon_comes_back(suite: Any, spec: Spec) -> None:
    """A connection made while no process lives is served by the next one."""
    suite.start(spec("one", "good", listen="127.0.0.1:0", policy={"initial_s": 0.05}))
    suite.wait_ready()
    (address,) = suite.ask("status")["daemons"]["one"]["listen"]
    host, _, port = address.rpartition(":")
    killed = suite.status("one")["pid"]

    os.kill(killed, signal.SIGSTOP)
    with socket.create_connection((host, int(port)), timeout=120) as client:
        os.kill(killed, signal.SIGKILL)
        answered = int(client.makefile().readline())

    assert answered != killed


def test_restart_that_fails_keeps_the_old_process(suite: Any, spec: Spec) -> None:
    """When the new process does not get ready, the old one goes on and the caller is told why."""
    flag = suite.folder / "second"
    suite.start(spec("one", "good_once", str(flag), listen="127.0.0.1:0", overlap=True))
    suite.wait_ready()
    before = suite.status("one")

    with pytest.raises(Refused, match=r"did not get ready.*exit code 1.*the old process goes on"):
        suite.ask("restart", name="one")

    after = suite.status("one")
    assert after["pid"] == before["pid"]
    assert after["ready"]


def test_restart_without_overlap_stops_first(suite: Any, spec: Spec) -> None:
    """A daemon without a socket stops before its successor starts."""
    diary = suite.folder / "diary"
    suite.start(spec("one", "diary", str(diary), "it"))
    suite.wait_ready()
    before = suite.status("one")["pid"]

    suite.ask("restart", name="one")

    assert diary.read_text().splitlines() == ["serves it", "stops it", "serves it"]
    assert suite.status("one")["pid"] != before
    assert suite.status("one")["ready"]


def test_several_processes_share_one_socket(suite: Any, spec: Spec) -> None:
    """All processes of a daemon serve the same address, and a restart replaces each."""
    suite.start(spec("one", "good", listen="127.0.0.1:0", overlap=True, processes=2))
    suite.wait_ready()
    before = {each["pid"] for each in suite.ask("status")["daemons"]["one"]["instances"]}
    (address,) = suite.ask("status")["daemons"]["one"]["listen"]

    with Callers(address) as callers:
        suite.ask("restart", name="one")

    after = {each["pid"] for each in suite.ask("status")["daemons"]["one"]["instances"]}
    assert len(before) == len(after) == 2
    assert not before & after
    assert callers.errors == []
