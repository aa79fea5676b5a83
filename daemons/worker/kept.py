"""What a worker keeps of a package: a copy of its tests that nobody can change.

Theory of operation. A submission is judged with the version it began with, whatever happens to the
package meanwhile: a file written over, or replaced, or the whole folder deleted. Holding the files
open would not do, since who writes over one changes it for everybody who has it open. So all files
of a version's tests are copied, one after the other, into one file that has no name. It is gone
with the last who holds the problem, or with the process, however that ends; there is nothing to
clean up. Where the file system can share blocks between files, the kernel copies nothing.
"""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from judging.package import PackageError, Problem, load_problem

_CHUNK_BYTES = 64 << 20


class _Place(NamedTuple):
    """Where a file lies in the copy, in bytes."""

    offset: int
    size: int


class Kept:
    """The files of one version's tests, in the file of *fd*, which it owns."""

    def __init__(self, fd: int, places: Mapping[Path, _Place]) -> None:
        self._fd = fd
        self._places = places
        weakref.finalize(self, os.close, fd)

    def size(self, file: Path) -> int:
        """Return how many bytes *file* had."""
        return self._places[file].size

    def read(self, file: Path) -> bytes:
        """Return what was in *file*.

        Raises:
            OSError: the copy can't be read.
        """
        offset, size = self._places[file]
        parts = []
        # The kernel gives 2 GiB at once at most.
        while size and (part := os.pread(self._fd, size, offset)):
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        if size:
            raise OSError(errno.EIO, "the worker's copy has lost its end", str(file))
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True, slots=True)
class KeepTests:
    """Loads packages, and keeps their tests in unnamed files in *folder*.

    Raises:
        OSError: the folder can't be made.
    """

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __call__(self, path: Path) -> Problem:
        """Return the problem of the package at *path*.

        Raises:
            PackageError: it can't be judged, or there is no room for the copy.
        """
        problem = load_problem(path)
        try:
            fd = self._open()
            try:
                places = dict(_copy_all(problem, fd))
            except BaseException:
                os.close(fd)
                raise
        except OSError as exc:
            reason = f"its tests can't be copied to {self.folder}: {exc.strerror}"
            raise PackageError(path, reason) from exc
        return replace(problem, content=Kept(fd, places))

    def _open(self) -> int:
        with suppress(OSError):  # not every file system has files without names
            return os.open(self.folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        name = self.folder / f"{os.getpid()}.new"
        fd = os.open(name, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        name.unlink()
        return fd


def _copy_all(problem: Problem, to: int) -> Iterator[tuple[Path, _Place]]:
    end = 0
    for test in problem.tests:
        for file in (test.input, test.answer, *test.files.values()):
            size = _copy(file, to, end)
            yield file, _Place(end, size)
            end += size


def _copy(file: Path, to: int, offset: int) -> int:
    """Copy *file* to *offset* in *to*; return how much it was."""
    source = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.lseek(to, offset, os.SEEK_SET)
        copied = 0
        while count := os.sendfile(to, source, None, _CHUNK_BYTES):
            copied += count
        return copied
    finally:
        os.close(source)
