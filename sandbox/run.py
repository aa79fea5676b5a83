"""One run: its init, and the child that confines itself, waits parked and becomes the program.

Theory of operation
-------------------
cell-init forks **run-init** into fresh pid, mount, ipc, net and uts namespaces: pid 1 there. It
mounts proc and the run's own tmpfs, forks the **program child** (pid 2) and from then on only
reaps. The child takes every step of its confinement before any job exists, says that it is parked
and blocks. The job's argv, environment and input come over the same socket; the child lowers its
rlimits and calls execve, which closes the socket; or, where the job is what the cell's interpreter
was started for, it closes the socket and returns into that interpreter. When the program ends,
run-init kills and reaps whatever else lives in its namespace, and only then reports, so the
counters are final. Should run-init die, the kernel kills the whole namespace.

Frames on the run's socket (from whom): I alive with a pidfd (run-init), P parked (child), G go
(warden), F a step failed (either), X all ended (run-init). If execve fails the child says F too.
"""

import contextlib
import errno
import os
import resource
import signal
import socket
import struct
from typing import NamedTuple, NoReturn

from sandbox import capabilities, frames, landlock, mounts, namespaces, rlimits, seccomp, steps
from sandbox.errors import SandboxError

ALIVE = b"I"
PARKED = b"P"
GO = b"G"
FAILED = b"F"
ENDED = b"X"
CONFINEMENT = b"C"
_CONFINEMENT_HEAD = struct.Struct("<II?i")
GO_HEAD = struct.Struct("<?i")
FAILED_HEAD = struct.Struct("<i")
ENDED_HEAD = struct.Struct("<idQ")
RLIMIT = struct.Struct("<IQ")


class Confinement(NamedTuple):
    """What every run of a cell shares."""

    ids: tuple[int, int]
    drop_groups: bool
    inner_filter: bytes
    landlock_abi: int
    without: frozenset[str]
    """Steps left out by a test."""


def pack_confinement(confinement: Confinement) -> bytes:
    """Return a frame that tells a confinement."""
    head = _CONFINEMENT_HEAD.pack(
        *confinement.ids, confinement.drop_groups, confinement.landlock_abi
    )
    without = [name.encode() for name in sorted(confinement.without)]
    return frames.pack_frame(CONFINEMENT, head, [confinement.inner_filter], without)


def unpack_confinement(frame: bytes) -> Confinement:
    """Return the confinement that a frame tells; raises FrameError."""
    (uid, gid, drop_groups, abi), lists = frames.unpack_frame(frame, _CONFINEMENT_HEAD, 2)
    (inner_filter,), without = lists
    names = frozenset(name.decode() for name in without)
    return Confinement((uid, gid), drop_groups, inner_filter, abi, names)


class Outfit(NamedTuple):
    """What is made for one run; all but *control* are descriptors."""

    control: socket.socket
    box: int
    stdout: int
    stderr: int
    doors: list[int]
    """Ways into the run's control groups."""


_EXIT_FAILED = 120


def report_failure(sock: socket.socket, error: SandboxError) -> None:
    """Tell the other end which step failed; if that is gone, nobody."""
    texts = [text.encode(errors="replace") for text in (error.step, error.detail)]
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        frames.send(sock, frames.pack_frame(FAILED, FAILED_HEAD.pack(error.errno), texts))


def fail(sock: socket.socket, step: str, exc: BaseException) -> NoReturn:
    """Tell the other end what *exc* means, and end: never go on in the code of who forked us."""
    try:
        report_failure(sock, SandboxError.of(step, exc))
    finally:
        os._exit(_EXIT_FAILED)


def read_failure(frame: bytes) -> SandboxError:
    """Return the error that a failure frame tells."""
    (errno,), (texts,) = frames.unpack_frame(frame, FAILED_HEAD, 1)
    step, detail = (text.decode("utf-8", "replace") for text in texts)
    return SandboxError(step, errno, detail)


def serve_run(outfit: Outfit, confinement: Confinement) -> None:
    """Be run-init: set up the run's mounts, start the parked child, reap, report.

    Returns only in the child, once it is to run its program in this interpreter.
    """
    control = outfit.control
    try:
        held = [control.fileno(), outfit.box, outfit.stdout, outfit.stderr, *outfit.doors]
        namespaces.keep_only(held)
        pidfd = os.pidfd_open(os.getpid())
        frames.send(control, ALIVE, [pidfd])
        os.close(pidfd)
        steps.take(
            [
                ("run mounts", mounts.make_private),
                ("run proc", lambda: mounts.mount_proc("/proc", whole=False)),
                ("box", lambda: mounts.attach_box(outfit.box)),
                ("noexec", mounts.forbid_execution),
                ("run cell proc", lambda: mounts.detach("/.proc")),
            ],
            confinement.without,
        )
        # The kernel keeps from an init what it has no handler for, and an interpreter has one for
        # SIGINT: a program with our own user id could end us by it.
        handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
        main = os.fork()
        if main == 0:
            signal.signal(signal.SIGINT, handler)
            return _confine_and_become(outfit, confinement)
        for fd in (outfit.box, outfit.stdout, outfit.stderr, *outfit.doors):
            os.close(fd)
        _reap(control, main)
    except BaseException as exc:  # noqa: BLE001, ASYNC103 - whatever it is
        fail(control, "run-init", exc)
    os._exit(0)


def _reap(control: socket.socket, main: int) -> None:
    """Wait for *main*, kill and reap all others, then tell how it ended."""
    status = 0
    while True:
        pid, found = os.wait()
        if pid == main:
            status = found
            break
    _kill_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    head = ENDED_HEAD.pack(status, cpu_s, used.ru_maxrss * 1024)
    frames.send(control, frames.pack_frame(ENDED, head))


def _kill_all() -> None:
    # One kill(-1) is atomic against fork: a fork in flight fails on the pending signal.
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        return


def _confine_and_become(outfit: Outfit, confinement: Confinement) -> None:
    control = outfit.control
    try:
        _confine(outfit, confinement)
        frames.send(control, PARKED)
        return _become_program(control, confinement.without)
    except BaseException as exc:  # noqa: BLE001, ASYNC103 - whatever it is
        fail(control, "park", exc)


def _confine(outfit: Outfit, confinement: Confinement) -> None:
    """Take every step between a fork of cell-init and a harmless process."""
    control_fd = outfit.control.fileno()

    def set_stdio() -> None:
        os.setsid()
        os.dup2(outfit.stdout, 1)
        os.dup2(outfit.stderr, 2)

    def join_groups() -> None:
        for door in outfit.doors:
            os.write(door, b"0")
        namespaces.unshare(namespaces.CLONE_NEWCGROUP)

    def drop_privileges() -> None:
        capabilities.drop_bounding(capabilities.CELL)  # the cell has dropped all others
        capabilities.lock()
        if confinement.drop_groups:
            os.setgroups([])
        uid, gid = confinement.ids
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        capabilities.keep(())
        os.umask(0o077)
        os.chdir("/box")  # only its owner may

    steps.take(
        [
            ("stdio", set_stdio),
            ("cgroup", join_groups),
            ("descriptors", lambda: namespaces.keep_only([control_fd])),
            ("privileges", drop_privileges),
            ("self-check", lambda: _check_confined(confinement)),
            ("landlock", lambda: landlock.restrict(confinement.landlock_abi)),
            ("seccomp", lambda: seccomp.install(confinement.inner_filter)),
        ],
        confinement.without,
    )


def _check_confined(confinement: Confinement) -> None:
    """Read back from the kernel that no privilege is left; raises SandboxError."""
    fd = os.open("/proc/self/status", os.O_RDONLY)
    status = os.read(fd, 8192)
    os.close(fd)
    uid, gid = confinement.ids
    wanted = dict.fromkeys((b"CapPrm", b"CapEff", b"CapBnd", b"CapAmb"), b"0000000000000000")
    wanted[b"NoNewPrivs"] = b"1"
    wanted[b"Uid"] = b"\t".join([b"%d" % uid] * 4)
    wanted[b"Gid"] = b"\t".join([b"%d" % gid] * 4)
    if confinement.drop_groups:
        wanted[b"Groups"] = b" "
    wrong = [
        name.decode()
        for name, value in wanted.items()
        if b"\n%b:\t%b\n" % (name, value) not in status
    ]
    if (
        wrong
        and "privileges" not in confinement.without
        and "no_new_privs" not in confinement.without
    ):
        raise SandboxError("self-check", 0, "not as it should be: " + ", ".join(wrong))


def pack_go(
    argv: list[bytes],
    env: list[bytes],
    limits: list[tuple[int, int]],
    in_interpreter: bool,
    core: int,
) -> bytes:
    """Return the frame that starts a parked child; its stdin goes beside it."""
    packed = [RLIMIT.pack(*limit) for limit in limits]
    return frames.pack_frame(GO, GO_HEAD.pack(in_interpreter, core), packed, argv, env)


def _become_program(control: socket.socket, without: frozenset[str]) -> None:
    """Wait for the job, take its limits and input, and exec, or return to the interpreter."""
    frame, fds = frames.receive(control)
    if not frame:
        os._exit(_EXIT_FAILED)
    if frame[:1] != GO or len(fds) != 1:
        raise frames.FrameError("expected go with one descriptor")
    (in_interpreter, core), (limits, argv, env) = frames.unpack_frame(frame, GO_HEAD, 3)
    os.dup2(fds[0], 0)
    unpacked = [RLIMIT.unpack(limit) for limit in limits]
    steps.take([("rlimits", lambda: rlimits.apply(unpacked))], without)
    if core >= 0:
        _pin(core)
    if not in_interpreter:
        _execute(argv, env)
    rlimits.size_thread_stacks()
    os.close(fds[0])
    control.close()
    namespaces.check_descriptors()
    namespaces.allow_inspection()


def _pin(core: int) -> None:
    try:
        os.sched_setaffinity(0, {core})
    except OSError as exc:
        # The core was taken from this host or from us since; then the program may use what is left.
        if exc.errno != errno.EINVAL:
            raise


def _execute(argv: list[bytes], env: list[bytes]) -> NoReturn:
    # What Python ignores for itself would stay ignored in the program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(argv[0], argv, dict(entry.split(b"=", 1) for entry in env))  # noqa: S606 - no shell is the point
    except OSError as exc:
        name = argv[0].decode(errors="replace")
        if argv[0].startswith(b"/") and not argv[0].startswith(b"/box/"):
            raise SandboxError("execve", exc.errno or 0, name) from exc
        # What lies in the box is the program's own affair, as it would be a shell's.
        os.write(2, f"{name}: {exc.strerror}\n".encode())
        os._exit(127 if exc.errno == errno.ENOENT else 126)
