"""A slot's warden: keeps a run parked in the slot's cell, and supervises one run at a time.

The warden stands outside the cell. It makes each run's tmpfs, pipes and control groups, asks the
cell to park a run with them, and when a job comes puts the files in place, sets the limits, says
go, and watches: output to its cap, the CPU counter, the wall clock. What it reports are kernel
counters, read when every process of the run has ended.
"""

import os
import select
import socket
import sys
import time
from collections import deque
from typing import NoReturn

from sandbox import cell, collect, frames, job, memfd, mounts, namespaces, rlimits, run
from sandbox.account import Account, GroupAccount, SampledAccount
from sandbox.cgroup.select import Groups
from sandbox.errors import SandboxError

#: Runs parked ahead of time per slot. Two, so that short runs one after another need not wait for
#: the next one's confinement: another core takes its steps meanwhile.
SPARES = 2
STDERR_BYTES = 64 * 1024
_INLINE_BYTES = 48 * 1024
_READ_BYTES = 256 * 1024
_PIPE_BYTES = 256 * 1024
_PARK_S = 10.0
# A killed run is gone within milliseconds; a namespace that is not after this is given up.
_KILL_S = 5.0
# Cell-init, two run-inits and two parked children count in the same place as the program.
_NPROC_MARGIN = 8
_DEFAULT_BOX = (64 << 20, 4096)


class ParkedRun:
    """A run that waits for its job, and all that belongs to it."""

    def __init__(self, cell_socket: socket.socket, owner: int, account: Account, doors: list[int]):
        self.account = account
        self.box = mounts.make_box(owner, owner, *_DEFAULT_BOX)
        self.folder = os.open("box", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.box)
        self.control, theirs = frames.make_pair()
        self.stdout, out = os.pipe2(os.O_CLOEXEC)
        self.stderr, err = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.stdout, False)
        os.set_blocking(self.stderr, False)
        self.pidfd = -1
        self._is_parked = False
        cell.park(cell_socket, [theirs.fileno(), self.box, out, err, *doors])
        theirs.close()
        frames.close_fds([out, err, *doors])

    def wait_parked(self) -> None:
        """Wait until every step of the confinement is taken; raises SandboxError."""
        self.control.settimeout(_PARK_S)
        while not self._is_parked:
            try:
                frame, fds = frames.receive(self.control)
            except TimeoutError as exc:
                raise SandboxError("park", 0, f"not parked within {_PARK_S:.0f} s") from exc
            if frame[:1] == run.ALIVE and len(fds) == 1:
                self.pidfd = fds[0]
            elif frame == run.PARKED:
                self._is_parked = True
            elif frame[:1] == run.FAILED:
                raise run.read_failure(frame)
            else:
                raise SandboxError("park", 0, "the parked run ended")
        self.control.settimeout(None)

    def kill(self) -> None:
        """Kill every process of the run and wait until all are gone; raises SandboxError."""
        namespaces.send_signal(self.pidfd, 9)
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        if not poll.poll(_KILL_S * 1000):
            raise SandboxError("kill", 0, f"a run survived for {_KILL_S:.0f} s")

    def close(self) -> None:
        """Give everything back; the tmpfs goes with its last descriptor."""
        self.control.close()
        frames.close_fds([self.folder, self.box, self.stdout, self.stderr, self.pidfd])
        self.account.close()


class Watch:
    """Supervise a run that has been told to go until all of its processes have ended."""

    def __init__(self, parked: ParkedRun, limits: job.LimitNumbers, worker: socket.socket) -> None:
        self._run = parked
        self._limits = limits
        self._worker = worker
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
        wall_s = time.monotonic() - started
        if self._failures:
            raise self._failures[0]
        status, cpu_s, peak = 9, 0.0, 0
        if self._ended:
            status, cpu_s, peak = run.ENDED_HEAD.unpack_from(self._ended, 1)
        else:
            self._run.kill()
        self._drain()
        cpu_s, peak, oom_kills = self._run.account.totals(cpu_s, peak)
        from_cgroup = self._run.account.from_cgroup
        outcome = job.Outcome(self.reason, status, oom_kills, cpu_s, wall_s, peak, from_cgroup)
        return outcome, self._texts()

    def _check_limits(self, wall_s: float) -> float:
        """Return the seconds until the next check is due, or set the reason to kill."""
        limits = self._limits
        wall_left = limits.wall_s - wall_s
        cpu_s, memory = self._run.account.read()
        if cpu_s > limits.time_s:
            self.reason = "time"
        elif memory > limits.memory_bytes:
            self.reason = "memory"
        elif wall_left <= 0:
            self.reason = "wall"
        return min(wall_left, self._run.account.interval_s(limits.time_s - cpu_s))

    def _handle(self, events: list[tuple[int, int]]) -> None:
        for fd, _ in events:
            if fd in self._output:
                self._read(fd)
            elif fd == self._worker.fileno():
                self._hear_worker()
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
            raise SandboxError("run-init", 0, "it ended without a report")

    def _read(self, fd: int) -> bool:
        """Read once from *fd*; False when there is nothing more now."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(fd)
            return False
        kept = self._output[fd]
        kept += data[: self._caps[fd] + 1 - len(kept)]
        if fd == self._run.stdout and len(kept) > self._caps[fd]:
            self.reason = self.reason or "output"
            return False
        return True

    def _drain(self) -> None:
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


class Warden:
    """One slot: its cell, its parked run, and its socket to the worker."""

    def __init__(self, worker: socket.socket, plan: cell.Plan, groups: Groups | None):
        self._worker = worker
        self._groups = groups
        self._plan = plan
        self._serial = 0
        self._cell, self._cell_pid = cell.start(plan)
        self._spares: deque[ParkedRun] = deque()
        self._fill()
        self._spares[0].wait_parked()

    def _fill(self) -> None:
        """Ask the cell for spare runs; they get ready while we do other things."""
        while len(self._spares) < SPARES:
            self._spares.append(self._park())

    def _park(self) -> ParkedRun:
        self._serial += 1
        account: Account = SampledAccount()
        doors: list[int] = []
        if self._groups is not None:
            try:
                group = self._groups.make_run(f"{os.getpid()}-{self._serial}")
                doors = group.open_doors()
            except OSError as exc:
                raise SandboxError("cgroup", exc.errno or 0, exc.strerror or "") from exc
            account = GroupAccount(group)
        return ParkedRun(self._cell, self._plan.program_id, account, doors)

    def serve(self) -> None:
        """Run jobs until the worker is gone; raises SandboxError when this host fails."""
        frames.send(self._worker, job.UP)
        while True:
            frame, fds = frames.receive(self._worker)
            if not frame:
                return
            if frame[:1] == job.KILL:
                continue  # its run had ended meanwhile
            try:
                if frame[:1] != job.RUN:
                    raise frames.FrameError("expected a job")
                wanted = job.unpack_job(frame, len(fds))
                if not self._run(wanted, fds):
                    return
            finally:
                frames.close_fds(fds)

    def _run(self, wanted: job.WireJob, fds: list[int]) -> bool:
        """Run one job and send its outcome; False when the worker went away meanwhile."""
        parked = self._spares.popleft()
        parked.wait_parked()
        self._begin(parked, wanted, fds)
        watch = Watch(parked, wanted.limits, self._worker)
        outcome, output = watch.watch()
        if watch.worker_gone:
            return False
        files: list[tuple[bytes, bool, int]] = []
        if wanted.collect and outcome.reason != "cancel":
            try:
                files = collect.collect(parked.folder, wanted.collect, wanted.limits.box_bytes)
            except collect.TooMuchError:
                outcome = outcome._replace(reason="output")
        self._send(outcome, output, files)
        parked.close()
        self._fill()
        return True

    def _begin(self, parked: ParkedRun, wanted: job.WireJob, fds: list[int]) -> None:
        limits = wanted.limits
        try:
            if (limits.box_bytes, limits.box_inodes) != _DEFAULT_BOX:
                mounts.resize(parked.box, limits.box_bytes, limits.box_inodes)
            for (name, executable), fd in zip(wanted.files, fds[1:], strict=True):
                self._place_file(parked.folder, name, executable, fd)
            parked.account.begin(parked.pidfd, limits.memory_bytes, limits.processes)
            # A description of its own: nobody shares its offset, and it is open for reading only.
            stdin = os.open(f"/proc/self/fd/{fds[0]}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise SandboxError("begin", exc.errno or 0, str(exc)) from exc
        planned = rlimits.plan(
            limits.time_s,
            limits.file_bytes,
            limits.stack_bytes,
            limits.open_files,
            limits.processes + _NPROC_MARGIN,
        )
        try:
            frames.send(parked.control, run.pack_go(wanted.argv, wanted.env, planned), [stdin])
        finally:
            os.close(stdin)

    def _place_file(self, folder: int, name: bytes, executable: bool, source: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            memfd.copy_range(source, target, os.fstat(source).st_size)
            os.fchmod(target, 0o700 if executable else 0o600)
            # By descriptor, of a file that no program has seen yet.
            os.fchown(target, self._plan.program_id, self._plan.program_id)
        finally:
            os.close(target)

    def _send(
        self, outcome: job.Outcome, output: list[bytes], files: list[tuple[bytes, bool, int]]
    ) -> None:
        names = [(name, executable) for name, executable, _ in files]
        fds = [fd for _, _, fd in files]
        inline: list[bytes] | None = output
        if sum(map(len, output)) > _INLINE_BYTES:
            inline = None
            fds = [*(memfd.sealed_from_bytes(text) for text in output), *fds]
        try:
            frames.send(self._worker, job.pack_outcome(outcome, inline, names), fds)
        finally:
            frames.close_fds(fds)


def serve_slot(worker: socket.socket, plan: cell.Plan, groups: Groups | None) -> NoReturn:
    """Be the warden of a slot until the worker closes its socket or this host fails."""
    code = 0
    try:
        Warden(worker, plan, groups).serve()
    except SandboxError as exc:
        code = _report(worker, exc)
    except frames.FrameError as exc:
        code = _report(worker, SandboxError("frame", 0, str(exc)))
    except OSError as exc:
        code = _report(worker, SandboxError("warden", exc.errno or 0, str(exc)))
    except BaseException:  # noqa: BLE001, ASYNC103 - our own bug: say so, and end here, not in the launcher's code
        sys.excepthook(*sys.exc_info())
        code = 1
    os._exit(code)  # cell-init dies with us, and every run with it


def _report(worker: socket.socket, error: SandboxError) -> int:
    try:
        run.report_failure(worker, error)
    except OSError:  # the worker is gone, too
        return 1
    return 1
