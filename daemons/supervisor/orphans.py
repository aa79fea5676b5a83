"""What daemons leave behind: adopted when their parent dies, reaped, and at the end killed."""

from __future__ import annotations

import ctypes
import os

import trio

from daemons.logs import log
from daemons.supervisor import procfs

_PR_SET_CHILD_SUBREAPER = 36
#: What forks as fast as it can is killed in a few passes; more mean that we may not kill it.
_KILL_PASSES = 50
_PASS_S = 0.005


def adopt_orphans() -> None:
    """Become the parent of what daemons leave behind, so that none gets out of sight."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


async def bury_orphans(mark: str) -> None:
    """Kill and reap all that is left of this run: every child of ours, and what carries *mark*."""
    for _ in range(_KILL_PASSES):
        left = procfs.kill_marked(mark, session=None) + _kill_children()
        reap_orphans(set())
        if left == 0:
            return
        await trio.sleep(_PASS_S)
    log.error("processes are left that can't be killed")


def reap_orphans(known: set[int]) -> None:
    """Reap dead children that are not *known*: orphans of daemons, given to us as subreaper."""
    for process in procfs.processes():
        if process.zombie and process.parent == os.getpid() and process.pid not in known:
            os.waitpid(process.pid, os.WNOHANG)


def _kill_children() -> int:
    """Kill all children of this process that still live; return how many."""
    living = [each for each in procfs.processes() if each.parent == os.getpid() and not each.zombie]
    for each in living:
        procfs.kill_process(each)
    return len(living)
