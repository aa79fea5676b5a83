"""Whether another worker of this machine is dead, so that nobody waits for its lease to end.

A worker holds a name among the abstract unix sockets of its network namespace. The kernel takes it
back when the process ends, however it ends, and not before: a worker that is halted or cut off from
the store still has it. The worker's own name tells the namespace; so whoever finds a name of his
own namespace free knows that its holder is dead. Of all others he knows nothing, and waits for the
end of the lease.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/net")


def _home() -> str:
    """Return a name for this network namespace of this boot of this machine."""
    namespace = _NAMESPACE.stat()
    whole = f"{_BOOT.read_text()} {namespace.st_dev} {namespace.st_ino}"
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def _address(name: str) -> str:
    return f"\0gavel-worker:{name}"


@contextmanager
def worker_name() -> Iterator[str]:
    """Give this process a worker's name that is seen to live until the process ends.

    Where that cannot be, the name tells nothing, and nobody concludes anything from it.
    """
    ours = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    # No child inherits it: descriptors of Python's are closed on exec.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            name = f"{ours}.{_home()}"
            held.bind(_address(name))
        except OSError:
            name = ours
        yield name


def is_dead(name: str) -> bool:
    """Tell whether the worker *name* is known to have ended; False where nothing is known."""
    try:
        if name.rpartition(".")[2] != _home():
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
            asking.connect(_address(name))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
