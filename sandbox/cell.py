"""A slot's cell: long-lived namespaces around a read-only root, from which runs are forked.

The warden forks **cell-init** into new user, mount, pid, net, ipc and uts namespaces. It takes the
steps of :func:`_build` once, then forks a run-init whenever the warden sends PARK, or executes the
interpreter that does so in its place. It never sees a job.
"""

import os
import signal
import socket
from typing import NamedTuple, NoReturn

from sandbox import (
    capabilities,
    frames,
    image,
    interpreter,
    landlock,
    mounts,
    namespaces,
    parking,
    run,
    seccomp,
    steps,
)
from sandbox.errors import SandboxError
from sandbox.handle import CellHandle


class Plan(NamedTuple):
    """What a cell is built from."""

    image: image.Image
    root_id: int | None
    """The user that 0 inside stands for; None where an ordinary user has but one id to give."""
    program_id: int
    """The user that 1000 inside stands for."""
    outer_filter: bytes
    inner_filters: tuple[bytes, bytes]
    """For runs whose image is the slot's own, and for those that share files with other slots."""
    without: frozenset[str]
    """Steps left out by a test."""
    interpreter: interpreter.Plan | None
    """What forks the runs; None leaves that to cell-init."""


_PROGRAM = namespaces.PROGRAM_ID
#: What a cell's user namespace may have of what the kernel counts by user. It charges the maker of
#: the namespace as well, the same user for all slots: without a cap of its own one slot takes what
#: is left for the others, and for the host's own programs.
_QUOTAS = {"max_user_namespaces": 0, "max_inotify_instances": 4, "max_inotify_watches": 1024}


def start(plan: Plan) -> tuple[CellHandle, bool]:
    """Fork cell-init; once the cell stands return it, and if it shares files with others.

    Raises:
        SandboxError: a step failed; it names it.
    """
    devices = None
    if plan.root_id is not None:
        try:
            devices = mounts.make_device_tree()
        except OSError as exc:
            raise SandboxError("devices", exc.errno or 0, exc.strerror or "") from exc
    ours, theirs = frames.make_pair()
    # What the cell's processes print must never make them wait.
    words, printed = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        pid = namespaces.fork_into(namespaces.CELL, plan.without)
    except OSError as exc:
        raise SandboxError("cell namespaces", exc.errno or 0, exc.strerror or "") from exc
    if pid == 0:
        ours.close()
        for fd in (1, 2):
            os.dup2(printed, fd)
        _serve_cell(theirs, plan, devices)
    theirs.close()
    os.close(printed)
    handle = CellHandle(ours, pid, words)
    if devices is not None:
        os.close(devices)
    ids = [(_PROGRAM, plan.program_id)]
    if plan.root_id is not None:
        ids.insert(0, (0, plan.root_id))
    try:
        namespaces.map_ids(pid, ids)
        # When the host runs out of memory, of all in a cell the largest goes first: the program.
        # A program can't lower it: its proc is read-only.
        namespaces.write_proc(pid, "oom_score_adj", "1000")
    except OSError as exc:
        raise SandboxError("id map", exc.errno or 0, exc.strerror or "") from exc
    handle.send(b"M")
    return handle, handle.wait_ready()


def _serve_cell(sock: socket.socket, plan: Plan, devices: int | None) -> NoReturn:
    try:
        namespaces.die_with_parent(0)  # the warden lives outside this pid namespace
        frames.receive(sock)  # the warden has written the id map
        own = _build(plan, devices, sock)
        _reset_signals()
        if plan.interpreter is not None:
            env = dict(entry.split(b"=", 1) for entry in plan.interpreter.env)
            interpreter.start(sock, plan.interpreter.argv, env)
        frames.send(sock, parking.READY if own else parking.READY_SHARED)
        parking.serve_parks(sock, _confine_as(plan, own))
    except BaseException as exc:  # noqa: BLE001, ASYNC103 - whatever it is
        run.fail(sock, "cell-init", exc)
    os._exit(0)


def _build(plan: Plan, devices: int | None, sock: socket.socket) -> bool:
    """Take the cell's steps, in the order that matters; return whether all files are its own."""
    parts: list[image.Parts] = []
    own: list[bool] = []

    def open_image() -> None:
        mounts.make_private()
        parts.append(image.open_parts(plan.image))

    def build_root() -> None:
        os.umask(0o022)
        root = mounts.make_root()
        own.append(image.show(root, parts[0], plan.without))
        mounts.show_devices(root, devices)
        mounts.mount_proc(f"{root}/.proc", whole=True)
        if plan.interpreter is not None:
            ready = parking.READY if own[0] else parking.READY_SHARED
            confinement = run.pack_confinement(_confine_as(plan, own[0]))
            interpreter.place(root, plan.interpreter, ready + confinement)
        mounts.enter_root(root)
        mounts.lock_root()
        os.umask(0o077)

    def take_identity() -> None:
        identity = 0 if plan.root_id is not None else _PROGRAM
        os.setresgid(identity, identity, identity)
        os.setresuid(identity, identity, identity)

    def tie_to_parent() -> None:
        namespaces.die_with_parent(0)  # again, for the change of user has cleared it
        namespaces.forbid_inspection()
        namespaces.leave_session_keyring()

    def set_quotas() -> None:
        for name, most in _QUOTAS.items():
            with open(f"/.proc/sys/user/{name}", "w", encoding="utf-8") as file:
                file.write(str(most))

    steps.take(
        [
            # Before the change of user: the image may lie where only the starting user can look.
            ("image", open_image),
            ("identity", take_identity),
            ("root", build_root),
            ("hostname", lambda: socket.sethostname("gavel")),
            ("descriptors", lambda: namespaces.keep_only([sock.fileno()])),
            ("parent", tie_to_parent),
            ("quotas", set_quotas),
            ("cell privileges", lambda: capabilities.limit(capabilities.CELL)),
            ("no_new_privs", namespaces.forbid_new_privileges),
            ("outer seccomp", lambda: seccomp.install(plan.outer_filter)),
        ],
        plan.without,
    )
    return own[0]


def _confine_as(plan: Plan, own: bool) -> run.Confinement:
    """Return what every run of the cell shares; *own* if no file is another slot's as well."""
    ids = (_PROGRAM, _PROGRAM)
    inner_filter = plan.inner_filters[0 if own else 1]
    has_root = plan.root_id is not None
    return run.Confinement(ids, has_root, inner_filter, landlock.find_abi(), plan.without)


def _reset_signals() -> None:
    """Let all signals through: one that we ignore would stay ignored across fork and exec."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
