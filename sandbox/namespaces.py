"""Namespaces: fork into new ones, map users, tie a child's life to its parent's."""

import contextlib
import os
import signal
from collections.abc import Collection

from sandbox import syscalls
from sandbox.errors import SandboxError

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

#: A cell's namespaces, once per slot.
CELL = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS
#: A run's namespaces, fresh for each program. All of them together cost 0.3 to 0.7 ms.
RUN = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS

#: Those that a test may leave out, by what it calls them: a cell's and a run's.
_NAMED = {
    "cell ipc": (CELL, CLONE_NEWIPC),
    "cell net": (CELL, CLONE_NEWNET),
    "run ipc": (RUN, CLONE_NEWIPC),
    "run net": (RUN, CLONE_NEWNET),
}

#: The program's user and group inside a cell.
PROGRAM_ID = 1000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_KEYCTL_JOIN_SESSION_KEYRING = 1


def fork_into(flags: int, without: Collection[str] = ()) -> int:
    """Fork into new namespaces; 0 in the child, which is pid 1 when *flags* has a pid namespace.

    *without* names those to leave out; only the tests that show what a layer is good for use it.
    """
    for name, (among, flag) in _NAMED.items():
        if name in without and among == flags:
            flags &= ~flag
    return syscalls.fork_with(flags | signal.SIGCHLD)


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    syscalls.libc_call("unshare", flags)


def write_proc(pid: int, name: str, text: str) -> None:
    """Write *text* to the file *name* of *pid* in proc."""
    with open(f"/proc/{pid}/{name}", "w", encoding="utf-8") as file:
        file.write(text)


def map_ids(pid: int, ids: list[tuple[int, int]]) -> None:
    """Write the user and group map of *pid*'s user namespace: pairs (inside, outside)."""
    table = "".join(f"{inside} {outside} 1\n" for inside, outside in ids)
    write_proc(pid, "uid_map", table)
    write_proc(pid, "gid_map", table)


def may_map(first: int, count: int) -> bool:
    """Tell whether *count* ids from *first* on exist here, as users and as groups.

    Root of a container often has no more than a few thousand.
    """
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}", encoding="utf-8") as file:
            ranges = [tuple(map(int, line.split())) for line in file]
        if not any(start <= first and first + count <= start + size for start, _, size in ranges):
            return False
    return True


def enter_own_user_namespace() -> None:
    """Give an ordinary user a user and mount namespace in which it is root."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    write_proc(os.getpid(), "setgroups", "deny")
    write_proc(os.getpid(), "uid_map", f"0 {uid} 1\n")
    write_proc(os.getpid(), "gid_map", f"0 {gid} 1\n")


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; exit if it already has.

    Call it after every change of user, which clears it. *parent* is the pid that getppid(2) must
    show, 0 when the parent lives in another pid namespace.
    """
    syscalls.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def forbid_inspection() -> None:
    """Close this process's memory and environment to others of the same user."""
    syscalls.prctl(_PR_SET_DUMPABLE, 0)


def allow_inspection() -> None:
    """Open memory and environment to processes of the same user, as execve would."""
    syscalls.prctl(_PR_SET_DUMPABLE, 1)


def keep_memory_from_dumps() -> None:
    """Leave all memory out of core dumps of this process and all its descendants.

    There are none, by rlimit; but no rlimit stops a host whose core_pattern names a socket.
    """
    with contextlib.suppress(FileNotFoundError):  # a kernel that makes no dumps
        write_proc(os.getpid(), "coredump_filter", "0")


def forbid_new_privileges() -> None:
    """Make setuid bits and file capabilities void from here on, for all descendants too."""
    syscalls.prctl(_PR_SET_NO_NEW_PRIVS, 1)


def leave_session_keyring() -> None:
    """Start a keyring of our own, so that no key of the host is reachable."""
    with contextlib.suppress(OSError):  # a kernel without keyrings has none to reach
        syscalls.call("keyctl", _KEYCTL_JOIN_SESSION_KEYRING, None)


def send_signal(pidfd: int, number: int) -> None:
    """Signal the process behind *pidfd*; one that has ended is fine."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def check_descriptors() -> None:
    """See that 0, 1 and 2 are open and no other; raises SandboxError."""
    # Reading the folder takes one more, itself, which is gone again.
    found = set(os.listdir("/proc/self/fd"))
    if found != {"0", "1", "2", "3"}:
        raise SandboxError("descriptors", 0, "open: " + ", ".join(sorted(found)))


def keep_only(fds: list[int]) -> None:
    """Close every descriptor but 0, 1, 2 and *fds*."""
    first = 3
    for fd in sorted(set(fds)):
        if fd >= first:
            os.closerange(first, fd)
            first = fd + 1
    os.closerange(first, 1 << 20)
