"""A worker that ended on this machine is known to be dead; of any other nothing is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from daemons.worker import alive
from daemons.worker.alive import is_dead, worker_name
from tests.daemons.worker.conftest import PATIENCE_S

HOLD = """
import sys, time
from daemons.worker.alive import worker_name
with worker_name() as name:
    print(name, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(*prefix: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a process that holds a worker's name until its standard input ends."""
    with subprocess.Popen(
        [*prefix, sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def test_worker_is_dead_when_its_process_has_ended_and_not_before() -> None:
    """However it ends; halted, it is not dead."""
    with holder() as (name, process):
        assert not is_dead(name)
        process.send_signal(signal.SIGSTOP)
        assert not is_dead(name)
        process.kill()
        process.wait()
        assert is_dead(name)
    with worker_name() as ours:
        assert not is_dead(ours)
    assert is_dead(ours)


def test_name_is_inherited_by_no_child() -> None:
    """What a worker has started may outlive it and keeps nothing of its name."""
    with worker_name() as name:
        child = subprocess.Popen(["/bin/sleep", "60"], close_fds=False)
    try:
        # The kernel lets the parent go on a moment before it closes what the child must not have.
        give_up = time.monotonic() + PATIENCE_S
        while not is_dead(name):
            assert time.monotonic() < give_up
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    "name", ["", "vm-1-ab", "vm-1-ab.0123456789ab", "vm.example.com-1-ab", "x" * 300]
)
def test_nothing_is_known_of_workers_elsewhere(name: str) -> None:
    """Another machine's, another container's, one that could not show itself: none counts as dead."""
    assert not is_dead(name)


def test_name_that_cannot_be_shown_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the name cannot be held, nobody takes the worker for dead."""
    monkeypatch.setattr(alive, "_address", lambda name: "/nowhere/at/all")
    with worker_name() as name:
        pass
    monkeypatch.undo()
    assert str(os.getpid()) in name
    assert not is_dead(name)
