"""Log files: one per daemon, of bounded size, and never a reason to wait or to fail.

A file that has grown to its limit is put aside as ``NAME.log.1``, the one before as ``.2``, and so
on. What can't be written, because the disk is full or the folder has gone, is dropped and counted;
the first line that gets through says how many. A line is there whole or not at all.
"""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from daemons.config import Config, ConfigError


class Rotation(NamedTuple):
    """Where log files lie and how much of them is kept: ``[supervisor] log_*``."""

    folder: Path
    max_bytes: int
    keep: int


class LogFile:
    """The log file *name* under *rotation*; opened with the first line."""

    def __init__(self, name: str, rotation: Rotation) -> None:
        self.dropped_total = 0
        self._name = name
        self._path = rotation.folder / f"{name}.log"
        self._max_bytes = rotation.max_bytes
        self._keep = rotation.keep
        self._dropped = 0
        self._fd = -1
        self._size = 0

    def write_line(self, line: str) -> None:
        """Write *line* and a newline, or count it as dropped."""
        try:
            self._write(self._note_of_dropped() + line)
            self._dropped = 0
        except OSError:
            # ENOSPC, EIO, ENOENT: nobody can be told but by the count.
            self._dropped += 1
            self.dropped_total += 1

    def close(self) -> None:
        """Close the file; the next line would open it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _note_of_dropped(self) -> str:
        if not self._dropped:
            return ""
        return json.dumps({"daemon": self._name, "dropped_lines": self._dropped}) + "\n"

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if self._fd < 0:
            self._open()
        if self._size and self._size + len(data) > self._max_bytes:
            self._put_aside()
        written = os.write(self._fd, data)
        if written < len(data):
            # Room for a part only: half a line would spoil the one that follows.
            os.ftruncate(self._fd, self._size)
            raise OSError("no room for the whole line")
        self._size += written

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _put_aside(self) -> None:
        aside = [self._path, *(Path(f"{self._path}.{number + 1}") for number in range(self._keep))]
        for newer, older in reversed([*pairwise(aside)]):
            if newer.exists():
                newer.replace(older)
        self.close()
        if not self._keep:
            self._path.unlink(missing_ok=True)
        self._open()


def rotation_of(config: Config) -> Rotation | None:
    """Return what *config* says of log files, having made their folder; None if there are none.

    Raises:
        ConfigError: the folder can't be made or written.
    """
    of = config.supervisor
    if not of.log_dir:
        return None
    folder = config.path(of.log_dir)
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{config.file}: [supervisor] log_dir: {folder}: {exc.strerror}") from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{config.file}: [supervisor] log_dir: {folder}: can't be written")
    return Rotation(folder, of.log_max_bytes, of.log_keep)
