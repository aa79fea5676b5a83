"""One process of a daemon: started, waited for, stopped and killed with all that it started.

The fork happens here, in the main thread, through `subprocess.Popen`. `trio.lowlevel.open_process`
forks in a worker thread, and PR_SET_PDEATHSIG follows the forking *thread*: when Trio lets that
thread go after ten idle seconds the kernel signals the child. A fork here costs the loop about a
millisecond.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import trio

from daemons.supervisor import procfs

_ENTER = str(Path(__file__).with_name("enter.py"))
#: A process that forks as fast as it can is killed in a few passes; more mean that we may not.
_KILL_PASSES = 50


class Launch(NamedTuple):
    """How to start one process."""

    command: Sequence[str]
    environment: dict[str, str]
    #: The mark that all its descendants carry (`procfs.INSTANCE`).
    mark: str
    listen_fds: Sequence[int]
    lifeline_fd: int
    oom_score_adj: int = 0
    rlimits: Mapping[str, int] = {}


class Child:
    """A started process; `output`, the read end of its stdout and stderr, is the caller's to close.

    Args:
        launch: how to start it.

    Raises:
        OSError: it could not be started at all.
    """

    def __init__(self, launch: Launch) -> None:
        self.mark = launch.mark
        gate, self._gate = os.pipe()
        self.output, output = os.pipe()
        try:
            self._process = _spawn(launch, gate, output)
        except OSError:
            os.close(self._gate)
            os.close(self.output)
            raise
        finally:
            os.close(gate)
            os.close(output)
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        started = procfs.read_process(self.pid)
        assert started is not None, "a child that is not waited for stays, be it as a zombie"
        self.start_ticks = started.start_ticks
        #: Whether the kernel killed in its control group for want of memory while it lived.
        self.out_of_memory = False
        self._oom_counter = procfs.oom_counter(self.pid)
        self._oom_kills = procfs.count_oom_kills(self._oom_counter)

    def open_gate(self) -> None:
        """Let it go from loading to serving; again has no effect."""
        if self._gate >= 0:
            with suppress(BrokenPipeError):  # it died while loading; `wait` tells
                os.write(self._gate, b"g")
            self._close_gate()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, if it still lives."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    async def wait(self) -> None:
        """Wait for its end; it stays a zombie, and its pid and session its own, until `bury`."""
        await trio.lowlevel.wait_readable(self._pidfd)

    async def bury(self) -> int:
        """Kill it and everything that it started; return its exit code, negative for a signal.

        Not to be left half done: shield it. The child is of no use afterwards.
        """
        for _ in range(_KILL_PASSES):
            if procfs.kill_marked(self.mark, session=self.pid) == 0:
                break
            await trio.sleep(0.002)
        await self.wait()
        self.out_of_memory = procfs.count_oom_kills(self._oom_counter) > self._oom_kills
        self._close_gate()
        os.close(self._pidfd)
        return self._process.wait()

    def _close_gate(self) -> None:
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1


def _spawn(launch: Launch, gate: int, output: int) -> subprocess.Popen[bytes]:
    fds = (*launch.listen_fds, gate, launch.lifeline_fd)
    enter = [sys.executable, "-I", "-S", _ENTER, str(os.getpid()), str(launch.oom_score_adj)]
    limits = ",".join(f"{name}={value}" for name, value in launch.rlimits.items())
    places = [",".join(map(str, launch.listen_fds)), str(gate), str(launch.lifeline_fd)]
    return subprocess.Popen(
        [*enter, limits, *places, *launch.command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**launch.environment, procfs.INSTANCE: launch.mark},
        pass_fds=fds,
        # Ctrl-C in a terminal goes to the supervisor alone, which then stops each daemon once.
        start_new_session=True,
    )
