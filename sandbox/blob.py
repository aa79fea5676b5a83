"""Bytes that the sandbox takes in or hands out: a sealed memory file."""

import os
from types import TracebackType
from typing import Self

from sandbox import memfd


class Blob:
    """A sealed memory file; nobody who holds it can change it.

    Owns its descriptor: close it, or use it as a context manager.
    """

    __slots__ = ("executable", "fd", "size")

    def __init__(self, fd: int, size: int, executable: bool = False) -> None:
        self.fd = fd
        self.size = size
        self.executable = executable

    @classmethod
    def from_bytes(cls, data: bytes, executable: bool = False) -> "Blob":
        """Return a new blob that holds *data*."""
        return cls(memfd.sealed_from_bytes(data), len(data), executable)

    @classmethod
    def adopt(cls, fd: int, executable: bool = False) -> "Blob":
        """Take over *fd*, a memory file that its maker has sealed."""
        return cls(fd, os.fstat(fd).st_size, executable)

    def read(self) -> bytes:
        """Return the whole content; the file offset is neither used nor moved."""
        return memfd.read_all(self.fd, self.size)

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Blob(fd={self.fd}, size={self.size}, executable={self.executable})"
