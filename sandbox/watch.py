"""Supervise a run that has been told to go, until all of its processes have ended."""

import os
import select
import signal
import socket
import time
from collections.abc import Collection

from sandbox import frames, job, run
from sandbox.errors import SandboxError
from sandbox.parked import ParkedRun
from sandbox.relay import Relay

STDERR_BYTES = 64 * 1024
_READ_BYTES = 256 * 1024


class Watch:
    """Output to its cap, the CPU counter, the wall clock, and what the worker says meanwhile."""

    def __init__(
        self,
        parked: ParkedRun,
        limits: job.LimitNumbers,
        worker: socket.socket,
        forked: bool,
        without: Collection[str],
        relay: Relay | None = None,
    ) -> None:
        self._run = parked
        self._limits = limits
        self._worker = worker
        self._forked = forked
        self._watches_cpu = "cpu watch" not in without
        self._relay = relay
        self._polled_target = -1
        self._paused = False
        self._poll = select.poll()
        self._output = {parked.stdout: bytearray(), parked.stderr: bytearray()}
        self._caps = {parked.stdout: limits.output_bytes, parked.stderr: STDERR_BYTES}
        for fd in (parked.stdout, parked.stderr, parked.control.fileno(), worker.fileno()):
            self._poll.register(fd, select.POLLIN)
        self.reason: job.KillReason = ""
        self.worker_gone = False
        self._ended = b""
        self._failures: list[SandboxError] = []

    def watch(self) -> tuple[job.Outcome, list[bytes]]:
        """Return the run's outcome and its output; raises SandboxError."""
        started = time.monotonic()
        while not self._ended and not self.reason:
            wait_s = self._check_limits(time.monotonic() - started)
            if not self.reason:
                self._handle(self._poll.poll(max(1, wait_s * 1000)))
                self._attend_relay()
        wall_s = time.monotonic() - started
        if self._failures:
            raise self._failures[0]
        status, cpu_s, peak = int(signal.SIGKILL), 0.0, 0
        if self._ended:
            status, cpu_s, peak = run.ENDED_HEAD.unpack_from(self._ended, 1)
        else:
            self._run.kill()
        # Before anybody else can notice.
        ended_s = time.monotonic()
        self._drain()
        if self._relay is not None:
            self._relay.finish(self._worker.fileno())
        cpu_s, peak, oom_kills = self._run.account.totals(cpu_s, peak)
        from_cgroup = self._run.account.from_cgroup
        outcome = job.Outcome(
            self.reason,
            status,
            oom_kills,
            cpu_s,
            wall_s,
            ended_s,
            peak,
            from_cgroup,
            self._forked,
        )
        return outcome, self._texts()

    def _check_limits(self, wall_s: float) -> float:
        """Return the seconds until the next check is due, or set the reason to kill."""
        limits = self._limits
        wall_left = limits.wall_s - wall_s
        cpu_s, memory = self._run.account.read()
        if cpu_s > limits.time_s and self._watches_cpu:
            self.reason = "time"
        elif memory > limits.memory_bytes:
            self.reason = "memory"
        elif wall_left <= 0:
            self.reason = "wall"
        relay_s = self._relay.wait_s() if self._relay is not None else wall_left
        return min(wall_left, relay_s, self._run.account.interval_s(limits.time_s - cpu_s))

    def _attend_relay(self) -> None:
        """Wait for the other program to read, and let this one wait, as the relay needs it."""
        relay = self._relay
        if relay is None:
            return
        relay.tick()
        target = relay.target if relay.is_waiting else -1
        if target != self._polled_target:
            if self._polled_target >= 0:
                self._poll.unregister(self._polled_target)
            if target >= 0:
                self._poll.register(target, select.POLLOUT)
            self._polled_target = target
        if relay.is_full and not self._paused and self._still_open(self._run.stdout):
            self._poll.unregister(self._run.stdout)
            self._paused = True
        elif self._paused and not relay.is_full:
            self._poll.register(self._run.stdout, select.POLLIN)
            self._paused = False

    def _handle(self, events: list[tuple[int, int]]) -> None:
        for fd, _ in events:
            if fd in self._output:
                self._read(fd)
            elif fd == self._worker.fileno():
                self._hear_worker()
            elif self._relay is not None and fd == self._polled_target:
                self._relay.push()
            else:
                self._hear_run()

    def _hear_worker(self) -> None:
        frame, fds = frames.receive(self._worker)
        frames.close_fds(fds)
        self.worker_gone = not frame
        self.reason = "cancel"  # whatever it says: nothing but KILL may come during a run

    def _hear_run(self) -> None:
        frame, fds = frames.receive(self._run.control)
        frames.close_fds(fds)
        if frame[:1] == run.FAILED:
            self._failures.append(run.read_failure(frame))
        elif frame[:1] == run.ENDED and len(frame) == 1 + run.ENDED_HEAD.size:
            self._ended = frame
        else:
            raise self._failures[0] if self._failures else self._run.explain_death()

    def _read(self, fd: int) -> bool:
        """Read once from *fd*; False when there is nothing more now."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(fd)
            if fd == self._run.stdout and self._relay is not None:
                self._relay.end_output()
            return False
        if fd == self._run.stdout and self._relay is not None:
            self._relay.feed(data)
        kept = self._output[fd]
        kept += data[: self._caps[fd] + 1 - len(kept)]
        if fd == self._run.stdout and len(kept) > self._caps[fd]:
            self.reason = self.reason or "output"
            return False
        return True

    def _drain(self) -> None:
        if self._paused:
            self._poll.register(self._run.stdout, select.POLLIN)
        for fd in self._output:
            while len(self._output[fd]) <= self._caps[fd] and self._still_open(fd):
                if not self._read(fd):
                    break

    def _still_open(self, fd: int) -> bool:
        try:
            self._poll.modify(fd, select.POLLIN)
        except FileNotFoundError:  # read to its end and taken off the list
            return False
        return True

    def _texts(self) -> list[bytes]:
        return [bytes(kept[: self._caps[fd]]) for fd, kept in self._output.items()]
