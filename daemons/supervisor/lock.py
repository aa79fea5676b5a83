"""One supervisor per control socket, and what is left of one that was killed.

The lock file holds one line of JSON: who holds it and which processes he started. A supervisor that
ends in order empties it. One that was killed leaves the line without the lock, and the next kills
what it names: by pid with start time, and by the mark in the environment.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from daemons.logs import log
from daemons.service import LIFELINE_S
from daemons.supervisor import procfs


class AlreadyRunning(Exception):
    """Another supervisor holds the lock; the message names its pid."""


class Held(msgspec.Struct, omit_defaults=True):
    """What the lock file says."""

    pid: int
    #: The mark of everything this supervisor starts.
    run: str
    #: pid -> start time of the processes it started.
    children: dict[str, int] = {}


class Lock:
    """The held lock; keeps the file's line true."""

    def __init__(self, fd: int, held: Held) -> None:
        self._fd = fd
        self._held = held
        #: Whether a process was ever started under it.
        self.used = False
        self._write(msgspec.json.encode(held) + b"\n")

    def add(self, pid: int, start_ticks: int) -> None:
        """Remember a started process."""
        self.used = True
        self._held.children[str(pid)] = start_ticks
        self._write(msgspec.json.encode(self._held) + b"\n")

    def remove(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._held.children.pop(str(pid), None)
        self._write(msgspec.json.encode(self._held) + b"\n")

    def empty(self) -> None:
        """Say that nothing is left."""
        os.ftruncate(self._fd, 0)

    def _write(self, line: bytes) -> None:
        # Longer first, shorter last: killed between the two, the first line is whole.
        os.pwrite(self._fd, line, 0)
        os.ftruncate(self._fd, len(line))


@contextmanager
def hold_lock(path: Path, run: str) -> Iterator[Lock]:
    """Take the lock at *path*, end what a killed predecessor left, and hold it in the block.

    Raises:
        AlreadyRunning: another supervisor holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        left = _read(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = f" (pid {left.pid})" if left else ""
            raise AlreadyRunning(f"already running{who}; end it with `gavel stop`") from None
        if (left := _read(fd)) is not None:
            end_leftovers(left)
        lock = Lock(fd, Held(os.getpid(), run))
        try:
            yield lock
        except BaseException:
            if not lock.used:  # refused before anything was started: nothing is left to end
                lock.empty()
            raise
        lock.empty()
    finally:
        os.close(fd)


def _read(fd: int) -> Held | None:
    try:
        return msgspec.json.decode(os.pread(fd, 1 << 20, 0).partition(b"\n")[0], type=Held)
    except msgspec.DecodeError:
        return None


def end_leftovers(left: Held) -> None:
    """Wait as long as the lifeline gives them, then kill what a dead supervisor started."""
    log.warning("the last supervisor was killed; ending what it left", pid=left.pid)
    # Blocks: nothing runs yet that could be held up.
    deadline = time.monotonic() + LIFELINE_S + 1.0
    while time.monotonic() < deadline and any(_alive(left)):
        time.sleep(0.02)
    while survivors := [*_alive(left)]:
        log.warning("killing leftovers", pids=[each.pid for each in survivors])
        for each in survivors:
            procfs.kill_process(each)
        time.sleep(0.02)


def _alive(left: Held) -> Iterator[procfs.Process]:
    """Yield what lives of *left*: the named processes, and what carries the mark of that run."""
    ours = []
    for process in procfs.processes():
        named = left.children.get(str(process.pid)) == process.start_ticks
        if named or procfs.instance_of(process.pid).startswith(left.run + "/"):
            ours.append(process)
    yield from (process for process in ours if not process.zombie)
