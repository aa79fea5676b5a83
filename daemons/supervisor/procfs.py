"""The processes of this machine, as far as the supervisor must know them: /proc.

Two questions are answered here: which processes belong to a daemon that has ended, and is a process
of which only pid and start time are known still the same one. A daemon's processes share its
session, and those that made a session of their own still carry ``GAVEL_INSTANCE`` in their
environment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: Marks all that a daemon starts: ``<run>/<daemon>.<serial>/``.
INSTANCE = "GAVEL_INSTANCE"

_PROC = Path("/proc")


class Process(NamedTuple):
    """One process; pid and start time together name it for ever (of this boot)."""

    pid: int
    parent: int
    session: int
    start_ticks: int
    zombie: bool


def read_process(pid: int) -> Process | None:
    """Return the process *pid*, or None if there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold anything, parentheses too; numbers follow its last one.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0] in (b"Z", b"X"))


def processes() -> Iterator[Process]:
    """Yield all processes that we may see."""
    for entry in os.listdir(_PROC):  # noqa: PTH208 - names, not paths, are wanted
        if entry.isdecimal() and (process := read_process(int(entry))) is not None:
            yield process


def instance_of(pid: int) -> str:
    """Return the mark of the daemon that *pid* descends from; empty if there is none to see."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        # Gone, or of another user, or not ours to see: then it is none of our daemons either.
        return ""
    prefix = INSTANCE.encode() + b"="
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode(errors="replace")
    return ""


def oom_counter(pid: int) -> Path | None:
    """Return the file that counts whom the kernel killed in the control group of *pid* for memory.

    None where there is no such file: without control groups, or in a group that we can't see.
    """
    try:
        lines = (_PROC / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            found = Path(f"/sys/fs/cgroup/memory{path}/memory.oom_control")
        elif not controllers:
            # Not those in groups below: programs that people submit have groups of their own.
            found = Path(f"/sys/fs/cgroup{path}/memory.events.local")
        else:
            continue
        if found.exists():
            return found
    return None


def count_oom_kills(counter: Path | None) -> int:
    """Return what *counter*, an `oom_counter`, has counted so far."""
    try:
        lines = counter.read_text().splitlines() if counter else []
    except OSError:
        return 0
    return sum(int(number) for name, number in map(str.split, lines) if name == "oom_kill")


def kill_process(process: Process) -> None:
    """Send SIGKILL to exactly this process, not to one that got its pid later."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        now = read_process(process.pid)
        if now is not None and now.start_ticks == process.start_ticks:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def kill_marked(mark: str, *, session: int | None = None) -> int:
    """Kill what carries a mark that starts with *mark* or is in *session*; return how many.

    One pass: a process that forks meanwhile may leave a child, so call it until it returns 0.
    """
    count = 0
    for process in processes():
        if process.zombie or process.pid == os.getpid():
            continue
        if process.session == session or instance_of(process.pid).startswith(mark):
            kill_process(process)
            count += 1
    return count
