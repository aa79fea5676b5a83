"""Cores for the slots: who runs pinned to one runs beside nobody else's program.

Any number of workers may share a machine, and none knows of the others. So each core has a name
among the abstract unix sockets of the network namespace, and who holds that has the core. The
kernel takes it back when the process ends, however it ends.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_DOMAIN = "gavel-core"


@contextmanager
def take_cores(count: int, domain: str = _DOMAIN) -> Iterator[Sequence[int]]:
    """Hold *count* of the cores that this process may use, and that nobody else in *domain* holds.

    Where there are not as many it gives none at all: of slots that are treated unequally one would
    be the slow one.
    """
    with ExitStack() as stack:
        taken = []
        for core in sorted(os.sched_getaffinity(0)):
            # No child inherits it: descriptors of Python's are closed on exec.
            lock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            try:
                lock.bind(f"\0{domain}:{core}")
            except OSError:
                continue
            taken.append(core)
            if len(taken) == count:
                break
        if len(taken) < count:
            stack.close()
            taken = []
        yield taken
