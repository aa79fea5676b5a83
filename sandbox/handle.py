"""A standing cell, as its warden sees it: asks it for runs, and finds out how they and it ended.

Who dies without a word has a parent who knows how. run-init's is cell-init, which tells of each
that did not end by itself; cell-init's is the warden. What either prints goes into a pipe that
nobody reads until then.
"""

import os
import select
import signal
import socket
import time

from sandbox import frames, parking, run
from sandbox.errors import SandboxError

_WORD_S = 10.0
_SAID_BYTES = 400
#: Deaths of so many runs are kept; more are not parked or in progress at a time.
_KEPT = 8


def describe(status: int) -> str:
    """Return what a status of wait(2) means, in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        known = number in set(signal.Signals)
        return f"was killed by {signal.Signals(number).name if known else f'signal {number}'}"
    return f"ended with exit code {os.WEXITSTATUS(status)}"


class CellHandle:
    """A cell's socket, its init's pid, and *words*, where its processes print.

    Args:
        sock: to cell-init, or to the interpreter in its place.
        pid: of cell-init, a child of this process.
        words: the reading end of a pipe; does not block.
    """

    def __init__(self, sock: socket.socket, pid: int, words: int) -> None:
        self._sock = sock
        self._pid = pid
        self._words = words
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._deaths: dict[int, int] = {}
        self._failure: SandboxError | None = None
        self._gone = False

    def send(self, frame: bytes, fds: list[int] | None = None) -> None:
        """Send one frame; raises SandboxError that tells how the cell ended, if it has."""
        try:
            frames.send(self._sock, frame, fds)
        except (BrokenPipeError, ConnectionResetError) as exc:
            raise self.explain_end() from exc

    def wait_ready(self) -> bool:
        """Wait until the cell stands; tell if it shares files with others; raises SandboxError."""
        frame, _ = frames.receive(self._sock)
        if frame in (parking.READY, parking.READY_SHARED):
            return frame == parking.READY_SHARED
        if frame[:1] == run.FAILED:
            raise run.read_failure(frame)
        raise self.explain_end("before the cell stood")

    def park(self, number: int, outfit: list[int]) -> None:
        """Ask cell-init to fork run *number*: its control, box, stdout, stderr, doors."""
        while self._listen(0):
            pass
        self._deaths = {old: how for old, how in self._deaths.items() if old > number - _KEPT}
        self.send(frames.pack_frame(parking.PARK, parking.PARK_HEAD.pack(number)), outfit)

    def explain(self, number: int, stage: str) -> SandboxError:
        """Return the error that the death of run-init *number* makes, which had come to *stage*."""
        deadline = time.monotonic() + _WORD_S
        while number not in self._deaths and parking.UNKNOWN not in self._deaths:
            if not self._listen(max(0.0, deadline - time.monotonic())):
                break
        if self._gone:
            return self.explain_end(f"and with it a run {stage}")
        status = self._deaths.get(number, self._deaths.get(parking.UNKNOWN))
        how = "ended without a report" if status is None else describe(status)
        return SandboxError("run-init", 0, f"{how} {stage}{self._said()}")

    def explain_end(self, when: str = "") -> SandboxError:
        """Return the error that the death of cell-init, or its interpreter, makes."""
        how = ", ".join(filter(None, [self._reap(), when])) + self._said()
        while self._listen(0):
            pass
        if (told := self._failure) is not None:
            return SandboxError(told.step, told.errno, f"{told.detail} (cell-init {how})")
        return SandboxError("cell-init", 0, how)

    def _listen(self, timeout_s: float) -> bool:
        """Take in one thing that the cell says; False if nothing comes."""
        if self._gone or not self._poll.poll(timeout_s * 1000):
            return False
        frame, fds = frames.receive(self._sock)
        frames.close_fds(fds)
        self._gone = not frame
        if frame[:1] == parking.DIED:
            (number, status), _ = frames.unpack_frame(frame, parking.DIED_HEAD, 0)
            self._deaths[number] = status
        elif frame[:1] == run.FAILED:
            self._failure = run.read_failure(frame)
        return not self._gone  # all else is an interpreter that has started anew

    def _reap(self) -> str:
        try:
            pidfd = os.pidfd_open(self._pid)
        except ProcessLookupError:
            return "ended"
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            if not poll.poll(_WORD_S * 1000):
                return "closed its socket"
            return describe(os.waitpid(self._pid, 0)[1])
        finally:
            os.close(pidfd)

    def _said(self) -> str:
        """Return the end of what the cell's processes have printed, if they have."""
        try:
            text = os.read(self._words, 65536)
        except BlockingIOError:
            return ""
        last = text[-_SAID_BYTES:].decode(errors="replace").strip()
        return f"; it said: {last}" if last else ""
