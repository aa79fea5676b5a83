"""The last steps before a daemon's program starts, done in its own process and then replaced by it.

Run as ``python -I -S enter.py PARENT OOM LIMITS FDS GATE LIFELINE COMMAND...``; imports nothing
of ours.

Why a program and not `preexec_fn`: between fork and exec of a process with threads, Python may wait
for a lock that no thread of the copy holds any more. A start of the bare interpreter costs some
15 ms, once per daemon, and in return:

* PR_SET_PDEATHSIG is set by the process itself, whose parent *thread* is the supervisor's main one;
* LISTEN_PID can be right: only here is the pid known, and it stays the same over exec;
* the sockets stand at descriptors 3, 4, ..., as LISTEN_FDS promises.

The signal for a dead parent is SIGTERM, not SIGKILL: a daemon then still has the lifeline's five
seconds to give back what it holds. What ignores SIGTERM is killed by the next `gavel up`.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LISTEN_FDS_START = 3
#: As `daemons.config.EXIT_CONFIG`: to start it again would not help.
_EXIT_CONFIG = 78
#: Descriptors are first moved out of the way of 3, 4, ...
_ASIDE = 64


def main() -> None:
    """Prepare this process and become the command."""
    parent, oom_score_adj, limits, listen, gate, lifeline, *command = sys.argv[1:]
    _die_with(int(parent))
    _place([int(fd) for fd in listen.split(",") if fd], int(gate), int(lifeline))
    _allow_many_files()
    _set_limits(limits)
    _set_oom_score_adj(oom_score_adj)
    # Python ignores these two, and what is ignored stays so over exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is our own plan's
    except OSError as exc:
        sys.exit(f"{command[0]}: {exc.strerror}")


def _die_with(parent: int) -> None:
    """Have the kernel send SIGTERM when the supervisor dies; end now if it already did."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(1)


def _place(listen: list[int], gate: int, lifeline: int) -> None:
    """Put the sockets at 3, 4, ..., the gate and the lifeline behind them, and say so."""
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, _ASIDE) for fd in (*listen, gate, lifeline)]
    for fd in {*listen, gate, lifeline}:
        os.close(fd)
    for place, fd in enumerate(aside, start=_LISTEN_FDS_START):
        os.dup2(fd, place, inheritable=True)
        os.close(fd)
    if listen:
        os.environ["LISTEN_FDS"] = str(len(listen))
        os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["GAVEL_GATE_FD"] = str(_LISTEN_FDS_START + len(listen))
    os.environ["GAVEL_LIFELINE_FD"] = str(_LISTEN_FDS_START + len(listen) + 1)


def _allow_many_files() -> None:
    """Raise the soft limit of open files to the hard one: a socket per client needs one each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _set_limits(limits: str) -> None:
    """Set the limits in *limits*, ``name=value`` with commas between; end if one can't be set."""
    for limit in limits.split(",") if limits else []:
        name, _, value = limit.partition("=")
        try:
            number = getattr(resource, f"RLIMIT_{name.upper()}")
            resource.setrlimit(number, (int(value), int(value)))
        except (OSError, ValueError) as exc:
            sys.stderr.write(f"rlimits: {name} = {value}: {exc}\n")
            sys.exit(_EXIT_CONFIG)


def _set_oom_score_adj(value: str) -> None:
    """Tell the kernel whom to kill first when memory is short."""
    try:
        Path("/proc/self/oom_score_adj").write_text(value, encoding="ascii")
    except PermissionError:
        # Only root may lower it. An ordinary user's store is then as likely a victim as any.
        return


if __name__ == "__main__":
    main()
