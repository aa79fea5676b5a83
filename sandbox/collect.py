"""Fetch files out of a run's box without following anything that the program left there.

Each name is opened below the box's own descriptor, with no symlink, magic link or mount crossed
and without blocking on a pipe; only regular files count. No tree is walked, changed or deleted by
path: the box vanishes with its last descriptor.
"""

import ctypes
import errno
import os
import stat

from sandbox import memfd, syscalls

#: Files handed back from one run at most; with stdout and stderr they fit beside one frame.
MAX_FILES = 200

_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_EXPECTED = (errno.ELOOP, errno.ENOENT, errno.ENXIO, errno.EXDEV, errno.EACCES, errno.ENODEV)


class TooMuchError(Exception):
    """The program left more than the caps on files or bytes allow."""


class _OpenHow(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


def open_beneath(folder: int, name: bytes) -> int:
    """Open *name* directly below *folder* for reading, following nothing."""
    how = _OpenHow(_FLAGS, 0, _RESOLVE)
    return syscalls.call("openat2", folder, name, how, ctypes.sizeof(how))


def match_names(folder: int, patterns: list[bytes]) -> list[bytes]:
    """Return the names in *folder* that the patterns ask for; plain names need not exist."""
    found = {name for name in patterns if not any(c in name for c in b"*?[")}
    globs = [name for name in patterns if name not in found]
    if globs:
        import fnmatch  # its regular expressions cost 8 ms at start, and most jobs need none

        with os.scandir(folder) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if any(fnmatch.fnmatchcase(name, glob) for glob in globs):
                    found.add(name)
    return sorted(found)


def collect(folder: int, patterns: list[bytes], max_bytes: int) -> list[tuple[bytes, bool, int]]:
    """Return (name, executable, sealed memory file) of each regular file asked for.

    Raises:
        TooMuchError: more than MAX_FILES files or *max_bytes* bytes.
    """
    found: list[tuple[bytes, bool, int]] = []
    try:
        for name in match_names(folder, patterns):
            copied = _copy(folder, name, max_bytes)
            if copied is not None:
                executable, fd, size = copied
                found.append((name, executable, fd))
                max_bytes -= size
            _check_count(len(found))
    except TooMuchError:
        for _, _, fd in found:
            os.close(fd)
        raise
    return found


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        raise TooMuchError(f"more than {MAX_FILES} files")


def _copy(folder: int, name: bytes, max_bytes: int) -> tuple[bool, int, int] | None:
    try:
        source = open_beneath(folder, name)
    except OSError as exc:
        if exc.errno in _EXPECTED:
            return None
        raise
    try:
        about = os.fstat(source)
        if not stat.S_ISREG(about.st_mode):
            return None
        if about.st_size > max_bytes:
            raise TooMuchError(f"{about.st_size} bytes in one file")
        target = memfd.open_memfd("collected")
        memfd.copy_range(source, target, about.st_size)
        memfd.seal(target)
        return bool(about.st_mode & stat.S_IXUSR), target, about.st_size
    finally:
        os.close(source)
