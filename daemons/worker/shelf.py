"""Files kept by key on disk, within so many bytes: the oldest used go first.

Theory of operation. An entry is written beside its place and renamed into it, so that it is there
whole or not at all, whoever is killed. Each begins with a digest of the rest and is taken for
nothing where that does not fit, so it needs no fsync. Using an entry sets its time, and by these
times the shelf is cut when it has grown beyond its bound. Any number of processes may share a
folder: whoever reads an entry that another takes away has it open, or compiles again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()

_SUFFIX = ".kept"
_TEMPORARY = ".new"
_DIGEST_BYTES = hashlib.sha256().digest_size
#: An entry larger than this part of the whole would push out too many others.
_LARGEST_PART = 1 / 8
#: The shelf is measured anew when this part of its bound was added, for others may add as well ...
_LOOK_PART = 1 / 16
#: ... and cut to this part, so that it is not cut for each new entry.
_CUT_PART = 0.9


class Shelf:
    """Entries in *folder*, at most about *max_bytes* of them; blocking, so call it in threads.

    Raises:
        OSError: the folder can't be made.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._added_bytes = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cut()

    def load(self, key: str) -> bytes | None:
        """Return what is kept under *key*; None if there is nothing, or it is not whole."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as exc:
            log.warning("kept build not readable", path=str(path), reason=str(exc))
            return None
        digest, content = data[:_DIGEST_BYTES], memoryview(data)[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            log.warning("kept build damaged: thrown away", path=str(path))
            path.unlink(missing_ok=True)
            return None
        return bytes(content)

    def keep(self, key: str, content: bytes) -> None:
        """Keep *content* under *key*, unless it is too large; a full disk is only logged."""
        if len(content) > self._max_bytes * _LARGEST_PART:
            return
        temporary = self._folder / f"{secrets.token_hex(8)}{_TEMPORARY}"
        try:
            with temporary.open("xb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
            temporary.rename(self._path(key))
        except OSError as exc:
            log.warning("build not kept", folder=str(self._folder), reason=str(exc))
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._added_bytes += len(content)
        if self._added_bytes > self._max_bytes * _LOOK_PART:
            self._cut()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _cut(self) -> None:
        """Measure the shelf and throw away what was not used for longest, if it is too large."""
        self._added_bytes = 0
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # somebody else cuts as well
                    about = entry.stat(follow_symlinks=False)
                    found.append((about.st_mtime_ns, about.st_size, entry.path))
        total_bytes = sum(size for _, size, _ in found)
        if total_bytes <= self._max_bytes:
            return
        # What a killed process left half-written is as old as its death, so it goes as well.
        for _, size, path in sorted(found):
            with suppress(FileNotFoundError):
                Path(path).unlink()
            total_bytes -= size
            if total_bytes <= self._max_bytes * _CUT_PART:
                return
