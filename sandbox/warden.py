"""A slot's warden: keeps a run parked in the slot's cell, and supervises one run at a time.

The warden stands outside the cell. It makes each run's tmpfs, pipes and control groups, asks the
cell to park a run with them, and when a job comes puts the files in place, sets the limits, says
go, and watches: output to its cap, the CPU counter, the wall clock. What it reports are kernel
counters, read when every process of the run has ended.
"""

import contextlib
import os
import socket
from collections import deque
from typing import NoReturn

from sandbox import cell, collect, frames, job, memfd, mounts, rlimits, run
from sandbox.account import Account, GroupAccount, SampledAccount
from sandbox.cgroup.select import Groups
from sandbox.errors import SandboxError
from sandbox.parked import DEFAULT_BOX, ParkedRun
from sandbox.relay import Relay
from sandbox.watch import Watch

#: Runs parked ahead of time per slot. Two, so that short runs one after another need not wait for
#: the next one's confinement: another core takes its steps meanwhile.
SPARES = 2
_INLINE_BYTES = 48 * 1024
# Cell-init, two run-inits and two parked children count in the same place as the program.
_NPROC_MARGIN = 8


class Warden:
    """One slot: its cell, its parked run, and its socket to the worker."""

    def __init__(self, worker: socket.socket, plan: cell.Plan, groups: Groups | None):
        self._worker = worker
        self._groups = groups
        self._plan = plan
        self._serial = 0
        # A job of exactly this command needs no other interpreter than the one that is there.
        self._interpreted = plan.interpreter[:2] if plan.interpreter is not None else None
        self._cell, self._shared = cell.start(plan)
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
        return ParkedRun(self._cell, self._serial, self._plan.program_id, account, doors)

    def serve(self) -> None:
        """Run jobs until the worker is gone; raises SandboxError when this host fails."""
        frames.send(self._worker, job.UP_SHARED if self._shared else job.UP)
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
        forked = wanted.may_fork and (wanted.argv, wanted.env) == self._interpreted
        self._begin(parked, wanted, fds, forked)
        without = self._plan.without
        if wanted.talks:
            # Taken off the list: who talks closes them at its own time.
            with contextlib.closing(Relay(hold=fds.pop(0), target=fds.pop())) as relay:
                watch = Watch(parked, wanted.limits, self._worker, forked, without, relay)
                outcome, output = watch.watch()
        else:
            watch = Watch(parked, wanted.limits, self._worker, forked, without)
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

    def _begin(self, parked: ParkedRun, wanted: job.WireJob, fds: list[int], forked: bool) -> None:
        limits = wanted.limits
        try:
            if (limits.box_bytes, limits.box_inodes) != DEFAULT_BOX:
                mounts.resize(parked.box, limits.box_bytes, limits.box_inodes)
            for (name, executable), fd in zip(wanted.files, fds[1:], strict=False):
                self._place_file(parked.folder, name, executable, fd)
            parked.account.begin(parked.pidfd, limits.memory_bytes, limits.processes)
            if wanted.talks:
                stdin = os.dup(fds[0])
            else:
                # A description of its own: nobody shares its offset, and it is only for reading.
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
            go = run.pack_go(wanted.argv, wanted.env, planned, forked, wanted.core)
            parked.go(go, stdin)
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
    try:
        Warden(worker, plan, groups).serve()
    except frames.FrameError as exc:
        run.fail(worker, "frame", SandboxError("frame", 0, str(exc)))
    except BaseException as exc:  # noqa: BLE001, ASYNC103 - whatever it is
        run.fail(worker, "warden", exc)
    os._exit(0)  # cell-init dies with us, and every run with it
