"""One supervisor per socket, and what a killed one left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from daemons.supervisor import lock, procfs
from daemons.supervisor.lock import AlreadyRunning, Held, hold_lock

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; print(flush=True); time.sleep(3600)"]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody have time to end by himself: these programs would not."""
    monkeypatch.setattr(lock, "LIFELINE_S", -1.0)


def sleeper(mark: str = "") -> subprocess.Popen[bytes]:
    """Start a process that sleeps, with a mark in its environment."""
    environment = {**os.environ, procfs.INSTANCE: mark}
    process = subprocess.Popen(SLEEP, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


def start_ticks(process: subprocess.Popen[bytes]) -> int:
    """Return the start time of *process*."""
    seen = procfs.read_process(process.pid)
    assert seen is not None
    return seen.start_ticks


def test_lock_is_held_once(tmp_path: Path) -> None:
    """While a lock is held, a second holder is refused by the first one's pid."""
    path = tmp_path / "var/supervisor.lock"

    with hold_lock(path, "run"), pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}\)"):
        hold_lock(path, "other").__enter__()


def test_lock_is_empty_after_an_orderly_end(tmp_path: Path) -> None:
    """An orderly end leaves nothing to be ended, and the lock can be taken again."""
    path = tmp_path / "supervisor.lock"
    with hold_lock(path, "run") as held:
        held.add(1, 2)
    assert path.read_bytes() == b""

    with hold_lock(path, "run"):
        pass


@pytest.mark.parametrize("started", [False, True])
def test_lock_is_empty_after_a_refused_start(tmp_path: Path, started: bool) -> None:
    """A failure leaves something to be ended only if something had been started."""
    path = tmp_path / "supervisor.lock"

    def start() -> None:
        with hold_lock(path, "run") as held:
            if started:
                held.add(1 << 30, 1)
            raise OSError("address already in use")

    with pytest.raises(OSError, match="in use"):
        start()
    assert (path.read_bytes() != b"") is started


def test_leftovers_are_ended_by_pid_and_by_mark(tmp_path: Path) -> None:
    """Named processes and all that carry the run's mark are killed; others are left alone."""
    path = tmp_path / "supervisor.lock"
    named, marked, foreign = sleeper(), sleeper("run-1/api.7/"), sleeper("run-11/api.7/")
    left = Held(pid=1, run="run-1", children={str(named.pid): start_ticks(named)})
    path.write_bytes(msgspec.json.encode(left) + b"\n")
    try:
        with hold_lock(path, "run-2"):
            # They were our children, not the dead supervisor's, so they stay zombies until we wait.
            assert {named.wait(120), marked.wait(120)} == {-9}
            assert foreign.poll() is None
    finally:
        for process in (named, marked, foreign):
            process.kill()
            process.wait()


def test_process_that_got_the_pid_later_is_left_alone(tmp_path: Path) -> None:
    """A pid of the file that now belongs to somebody else is not touched."""
    path = tmp_path / "supervisor.lock"
    later = sleeper()
    left = Held(pid=1, run="run-1", children={str(later.pid): start_ticks(later) - 1})
    path.write_bytes(msgspec.json.encode(left) + b"\n")
    try:
        with hold_lock(path, "run-2"):
            assert later.poll() is None
    finally:
        later.kill()
        later.wait()


@pytest.mark.parametrize("text", [b"", b"{", b"[]\n", b'{"pid": "x"}\n', b"\xff\n"])
def test_unreadable_lock_names_nobody(tmp_path: Path, text: bytes) -> None:
    """A lock file with anything in it never stops a start."""
    path = tmp_path / "supervisor.lock"
    path.write_bytes(text)

    with hold_lock(path, "run"):
        assert msgspec.json.decode(path.read_bytes(), type=Held).pid == os.getpid()


def test_lock_line_stays_whole_as_it_shrinks(tmp_path: Path) -> None:
    """After a process is forgotten the line is shorter, and still one line of JSON."""
    path = tmp_path / "supervisor.lock"
    with hold_lock(path, "run") as held:
        for pid in range(100, 120):
            held.add(pid, 1)
        for pid in range(100, 119):
            held.remove(pid)

        assert msgspec.json.decode(path.read_bytes(), type=Held).children == {"119": 1}
