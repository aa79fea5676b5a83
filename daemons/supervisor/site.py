"""What all processes under one supervisor share: the log, the lifeline, the lock, who is who."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Protocol

import trio

from daemons.supervisor.child import Child
from daemons.supervisor.lock import Lock
from daemons.supervisor.merged_log import MergedLog
from daemons.supervisor.notify import Mailbox

#: What a starter passes is meant for one process; ours get their own, or none.
_PRIVATE = (
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "GAVEL_GATE_FD",
    "GAVEL_LIFELINE_FD",
)


class Listener(Protocol):
    """Who hears what a process tells by its notification socket."""

    def hear(self, fields: dict[str, str]) -> None:
        """Take one message."""


class Site:
    """The shared ground of one run.

    Args:
        run: the mark of everything that this run starts.
        mailbox: where daemons tell how they fare.
        log: where their lines go.
        lock: knows every started process, for the next supervisor if this one is killed.
        lifeline_fd: the end of the pipe that children hold.
    """

    def __init__(
        self, run: str, mailbox: Mailbox, log: MergedLog, lock: Lock, lifeline_fd: int
    ) -> None:
        self.run = run
        self.log = log
        self.lifeline_fd = lifeline_fd
        #: Set when a daemon's limit was reached and all must stop.
        self.escalated = trio.Event()
        self._mailbox = mailbox
        self._lock = lock
        self._speakers: dict[int, Listener] = {}
        self._changes = trio.lowlevel.ParkingLot()
        self._serial = 0

    def environment(self, own: Mapping[str, str], watchdog_s: float | None) -> dict[str, str]:
        """Return the environment for a new process: ours, *own*, what is private."""
        inherited = {name: text for name, text in os.environ.items() if name not in _PRIVATE}
        environment = {**inherited, **own}
        environment["NOTIFY_SOCKET"] = self._mailbox.address
        environment["GAVEL_LOG"] = "json"
        if watchdog_s is not None:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        return environment

    def next_mark(self, name: str) -> str:
        """Return a mark for a new process and all that it will start."""
        self._serial += 1
        return f"{self.run}/{name}.{self._serial}/"

    def add(self, child: Child, listener: Listener) -> None:
        """Let *listener* hear what *child* tells."""
        self._speakers[child.pid] = listener
        self._lock.add(child.pid, child.start_ticks)

    def remove(self, child: Child) -> None:
        """Forget *child*, which has ended."""
        self._speakers.pop(child.pid, None)
        self._lock.remove(child.pid)

    @property
    def pids(self) -> set[int]:
        """All processes that are waited for by somebody."""
        return set(self._speakers)

    async def hear_notices(self) -> None:
        """Pass on what daemons tell, for ever."""
        async for notice in self._mailbox.notices():
            if (speaker := self._speakers.get(notice.pid)) is not None:
                speaker.hear(notice.fields)

    def touch(self) -> None:
        """Say that something changed that somebody may wait for."""
        self._changes.unpark_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; it is looked at after each `touch`."""
        while not condition():
            await self._changes.park()
