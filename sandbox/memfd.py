"""Sealed memory files: bytes that travel between processes and can't change on the way."""

import fcntl
import os

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_CHUNK_BYTES = 1 << 20


def open_memfd(name: str) -> int:
    """Return an empty memory file that can be sealed, closed on exec."""
    return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal(fd: int) -> None:
    """Forbid every later change of *fd*, by anyone who holds it."""
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)


def write_all(fd: int, data: bytes) -> None:
    """Write all of *data* to *fd*, which is no pipe or socket."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sealed_from_bytes(data: bytes, name: str = "blob") -> int:
    """Return a sealed memory file that holds *data*."""
    fd = open_memfd(name)
    write_all(fd, data)
    seal(fd)
    return fd


def copy_range(source: int, target: int, size: int) -> int:
    """Copy *size* bytes of *source* from its start to *target*; return how many there were."""
    done = 0
    while done < size:
        sent = os.sendfile(target, source, done, min(size - done, _CHUNK_BYTES))
        if sent == 0:
            break
        done += sent
    return done


def read_all(fd: int, size: int) -> bytes:
    """Return the first *size* bytes of *fd*, whatever its file offset is."""
    parts = []
    done = 0
    while done < size:
        part = os.pread(fd, min(size - done, _CHUNK_BYTES), done)
        if not part:
            break
        parts.append(part)
        done += len(part)
    return b"".join(parts)
