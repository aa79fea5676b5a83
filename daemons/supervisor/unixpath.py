"""Unix sockets at paths of any length.

The kernel's address holds 107 bytes. A deep checkout or a test's folder is longer, but
``/proc/self/fd/<folder>/<name>`` leads to the same socket.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: sockaddr_un.sun_path less its final NUL.
MAX_BYTES = 107


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield an address for the socket *path* that the kernel takes, valid inside the block."""
    if len(os.fsencode(path)) <= MAX_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
