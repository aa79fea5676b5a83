"""What the daemons tell the supervisor: datagrams as in sd_notify(3), one socket for all.

Who speaks is known from the kernel (SCM_CREDENTIALS), never from the message, and only a daemon's
own process is heard. The socket is a file, mode 0600: an abstract address could be flooded by any
user of the machine, until the watchdog's messages no longer fit.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trio

from daemons.supervisor.unixpath import MAX_BYTES, short_path

_CREDENTIALS = struct.Struct("3i")
_MESSAGE_BYTES = 4096


class Notice(NamedTuple):
    """One message: the process that sent it and its ``KEY=value`` lines."""

    pid: int
    fields: dict[str, str]


class Mailbox:
    """The receiving end; `address` is what daemons get as ``NOTIFY_SOCKET``."""

    def __init__(self, receiver: trio.socket.SocketType, address: str) -> None:
        self.address = address
        self._receiver = receiver

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield what comes in, for ever; what is not from a process of our user is dropped."""
        space = socket.CMSG_SPACE(_CREDENTIALS.size)
        while True:
            data, ancillary, _, _ = await self._receiver.recvmsg(_MESSAGE_BYTES, space)
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    pid, uid, _ = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])
                    if uid == os.geteuid():
                        yield Notice(pid, parse_notice(data))


def parse_notice(data: bytes) -> dict[str, str]:
    """Return the ``KEY=value`` lines of *data*; others are left out."""
    lines = data.decode("utf-8", "replace").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


@contextmanager
def open_mailbox(path: Path) -> Iterator[Mailbox]:
    """Bind the socket at *path* and remove it at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        bind_private(receiver, path)
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield Mailbox(trio.socket.from_stdlib_socket(receiver), _address(path, folder))
        finally:
            os.close(folder)
            path.unlink(missing_ok=True)


def bind_private(unbound: socket.socket, path: Path) -> None:
    """Bind *unbound* to *path* with mode 0600, from its first moment on.

    A socket that is there is taken for stale: the caller holds the lock that says so.
    """
    path.unlink(missing_ok=True)
    umask = os.umask(0o177)
    try:
        with short_path(path) as address:
            unbound.bind(address)
    finally:
        os.umask(umask)


def _address(path: Path, folder: int) -> str:
    """Return an address that daemons can reach: a deep path leads through our descriptor."""
    if len(os.fsencode(path)) <= MAX_BYTES:
        return str(path)
    return f"/proc/{os.getpid()}/fd/{folder}/{path.name}"
