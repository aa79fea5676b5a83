"""The launcher: a small process beside the worker that owns namespaces, control groups and ids.

Started as ``python -I -S -B -c BOOTSTRAP FD`` with an empty environment, single-threaded, with no
connection but its socket to the worker. It forks one warden per slot on request, and takes down
everything when the worker goes away. Frames: S start and O open a slot (from the worker), R ready
and F failed (to the worker).
"""

import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from sandbox import (
    capabilities,
    cell,
    frames,
    interpreter,
    mounts,
    namespaces,
    run,
    seccomp,
    syscalls,
    warden,
)
from sandbox.cgroup.select import Groups, open_groups
from sandbox.errors import SandboxError
from sandbox.image import Image

START = b"S"
OPEN = b"O"
READY = b"R"
OPEN_HEAD = struct.Struct("<I")
READY_HEAD = struct.Struct("<?")
NO_NUMBERS = struct.Struct("<")

# Above what systemd gives to containers (0x6fffffff) and below the sign bit.
FIRST_ID = 0x70000000
_IDS_PER_BLOCK = 256
_BLOCKS = 4096
IDS = _IDS_PER_BLOCK * _BLOCKS
_REMOVE_S = 2.0


def reserve_ids() -> tuple[socket.socket, int]:
    """Return the first of a block of user ids that no other launcher on this host uses.

    The lock is an abstract socket's name: it is held as long as the socket is open, by whomever.
    """
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for block in range(_BLOCKS):
        try:
            lock.bind(f"\0gavel-sandbox-ids-{block}")
        except OSError:
            continue
        return lock, FIRST_ID + block * _IDS_PER_BLOCK
    lock.close()
    raise SandboxError("ids", 0, "every block of user ids is taken")


class Launcher:
    """Slots, their wardens, and what they share."""

    def __init__(
        self,
        worker: socket.socket,
        image: Image,
        kept: interpreter.Plan | None,
        without: frozenset[str],
    ) -> None:
        self._worker = worker
        self._image = image
        self._without = without
        self._kept = kept
        self._wardens: dict[int, int] = {}  # pidfd -> pid
        self._slots: dict[int, int] = {}  # slot -> pidfd of its newest warden
        self._pid = os.getpid()
        self._ids: tuple[socket.socket, int] | None = None
        self.groups: Groups | None = None
        self._outer_filter = seccomp.assemble(syscalls.MACHINE, outer=True)
        own = seccomp.assemble(syscalls.MACHINE)
        shared = seccomp.assemble(syscalls.MACHINE, shared="shared files" not in without)
        self._inner_filters = own, shared

    def prepare(self) -> None:
        """Find out what this host gives; raises SandboxError."""
        if "core filter" not in self._without:
            namespaces.keep_memory_from_dumps()
        if "cgroup" not in self._without:
            self.groups = open_groups()
        if os.geteuid() == 0 and namespaces.may_map(FIRST_ID, IDS):
            self._ids = reserve_ids()
            namespaces.unshare(namespaces.CLONE_NEWNS)
        else:
            namespaces.enter_own_user_namespace()
        mounts.make_private()
        if "launcher privileges" not in self._without:
            own = self._ids is None
            capabilities.limit(capabilities.OWN_LAUNCHER if own else capabilities.LAUNCHER)

    def _plan(self, slot: int, shown: list[bytes]) -> cell.Plan:
        root_id, program_id = None, 0
        if self._ids is not None:
            root_id = self._ids[1] + 2 * (slot % (_IDS_PER_BLOCK // 2))
            program_id = root_id + 1
        filters = self._outer_filter, self._inner_filters
        image = self._image._replace(shown=(*self._image.shown, *map(os.fsdecode, shown)))
        return cell.Plan(image, root_id, program_id, *filters, self._without, self._kept)

    def serve(self) -> None:
        """Fork wardens on request until the worker is gone."""
        poll = select.poll()
        poll.register(self._worker.fileno(), select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd != self._worker.fileno():
                    poll.unregister(fd)
                    self._bury(fd)
                    continue
                frame, fds = frames.receive(self._worker)
                if not frame:
                    return
                (slot,), (shown,) = frames.unpack_frame(frame, OPEN_HEAD, 1)
                if frame[:1] != OPEN or len(fds) != 1:
                    raise frames.FrameError("expected open with one descriptor")
                poll.register(self._open_slot(slot, shown, fds[0]), select.POLLIN)

    def _open_slot(self, slot: int, shown: list[bytes], fd: int) -> int:
        if (stuck := self._slots.pop(slot, None)) is not None:
            # Given up by the worker; until it dies its run goes on, with the next one's user id.
            namespaces.send_signal(stuck, signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            namespaces.die_with_parent(self._pid)
            self._worker.close()
            for pidfd in self._wardens:
                os.close(pidfd)
            warden.serve_slot(socket.socket(fileno=fd), self._plan(slot, shown), self.groups)
        os.close(fd)
        pidfd = os.pidfd_open(pid)
        self._wardens[pidfd] = pid
        self._slots[slot] = pidfd
        return pidfd

    def _bury(self, pidfd: int) -> None:
        """Reap a warden and remove the groups of its runs, which died with it."""
        pid = self._wardens.pop(pidfd)
        self._slots = {slot: other for slot, other in self._slots.items() if other != pidfd}
        os.close(pidfd)
        os.waitpid(pid, 0)
        if self.groups is not None:
            _until_done(lambda: self.groups is None or self.groups.remove_runs(f"{pid}-"))

    def close(self) -> None:
        """Kill every warden, and with it all below, and remove the groups."""
        for pidfd in list(self._wardens):
            namespaces.send_signal(pidfd, signal.SIGKILL)
        for pidfd in list(self._wardens):
            self._bury(pidfd)
        groups = self.groups
        if groups is not None:
            _until_done(groups.remove)


def _until_done(attempt: Callable[[], bool]) -> None:
    """Repeat *attempt* until it succeeds: processes that were killed take a moment to end."""
    deadline = time.monotonic() + _REMOVE_S
    while not attempt() and time.monotonic() < deadline:
        time.sleep(0.002)


def pack_start(
    image: Image,
    argv: Sequence[str] = (),
    env: Mapping[str, str] = MappingProxyType({}),
    without: Sequence[str] = (),
) -> bytes:
    """Return the frame that starts a launcher's work; *argv* and *env* are of an interpreter."""
    entries = [f"{key}={value}" for key, value in env.items()]
    lists = [list(map(os.fsencode, names)) for names in (*image, argv, entries, without)]
    return frames.pack_frame(START, b"", *lists)


def pack_open(slot: int, shown: Sequence[str] = ()) -> bytes:
    """Return the frame that opens a slot, whose image shows the folders *shown* besides."""
    return frames.pack_frame(OPEN, OPEN_HEAD.pack(slot), list(map(os.fsencode, shown)))


def raise_open_files() -> None:
    """Let this process, and each warden, have as many descriptors as it may.

    The kernel refuses to send any for a user who has more in flight than the sender's limit, and
    an ordinary user's programs are the same user: what they may have must not be enough for that.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(fd: int) -> int:
    """Serve the worker at the other end of *fd*; return the exit code."""
    worker = socket.socket(fileno=fd)
    namespaces.keep_only([fd])
    os.umask(0o077)
    raise_open_files()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.SIG_IGN
        )  # the worker decides when we end: by closing the socket
    frame, _ = frames.receive(worker)
    if frame[:1] != START:
        return 2
    _, (shown, hidden, argv, env, without) = frames.unpack_frame(frame, NO_NUMBERS, 5)
    image = Image(tuple(map(os.fsdecode, shown)), tuple(map(os.fsdecode, hidden)))
    kept = interpreter.Plan(argv, env, interpreter.compile_site()) if argv else None
    launcher = Launcher(worker, image, kept, frozenset(map(os.fsdecode, without)))
    try:
        launcher.prepare()
        full = launcher.groups is not None
        frames.send(worker, frames.pack_frame(READY, READY_HEAD.pack(full)))
        launcher.serve()
    except (SandboxError, OSError) as exc:
        run.report_failure(worker, SandboxError.of("launcher", exc))
    finally:
        launcher.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
