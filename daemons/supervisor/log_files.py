"""Log files: one per daemon, of bounded size, and never a reason to wait or to fail.

A file that has grown to its limit is put aside as ``NAME.log.1``, the one before as ``.2``, and so
on. What can't be written, because the disk is full or the folder has gone, is dropped and counted;
the first line that gets through says how many. A line is there whole or not at all.

A disk that hangs (a network file system whose server is away, a worn device) neither fails nor
answers, and no system call on it can be given a time limit. So all files are written by one thread
of their own: the loop hands it lines and never waits, and what the thread does not get rid of in
time is dropped and counted too.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, deque
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from daemons.config import Config, ConfigError

#: Lines that wait for the disk, together; a busy suite writes so much in some minutes.
WAITING_BYTES = 4 << 20
#: How long the end of a run waits for its last lines to be written.
CLOSE_S = 2.0


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

    def count_dropped(self, lines: int) -> None:
        """Have the next line say that *lines* more, which never came here, were dropped."""
        self._dropped += lines

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


class LogFiles:
    """The log files of all daemons under *rotation*, and the thread that writes them.

    The thread lives until `close`. If the disk hangs, nothing can end it but the end of the
    process, which does not wait for it.
    """

    def __init__(self, rotation: Rotation) -> None:
        self.rotation = rotation
        self._files: dict[str, LogFile] = {}
        self._waiting: deque[tuple[str, str, int]] = deque()
        self._waiting_bytes = 0
        self._refused: Counter[str] = Counter()
        self._refused_total = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_on, name="log files", daemon=True)
        self._thread.start()

    @property
    def dropped_total(self) -> int:
        """How many lines were not written, and never will be."""
        with self._changed:
            # Once closed, a thread that lives hangs, with a line in its hand.
            left = len(self._waiting) + self._thread.is_alive() if self._closing else 0
            failed = sum(file.dropped_total for file in self._files.values())
            return self._refused_total + failed + left

    def write_line(self, name: str, line: str) -> None:
        """Have *line* written to the file *name*, or count it as dropped; waits for nothing."""
        with self._changed:
            if self._closing or self._waiting_bytes + len(line) > WAITING_BYTES:
                self._refused[name] += 1
                self._refused_total += 1
                return
            self._waiting.append((name, line, self._refused.pop(name, 0)))
            self._waiting_bytes += len(line)
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, for `CLOSE_S` at most, and close the files."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)

    def _write_on(self) -> None:
        while (taken := self._take()) is not None:
            file, line, refused = taken
            file.count_dropped(refused)
            file.write_line(line)
        for file in self._files.values():
            file.close()

    def _take(self) -> tuple[LogFile, str, int] | None:
        """Wait for a line; return it with how many before it were refused, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return None
            name, line, refused = self._waiting.popleft()
            self._waiting_bytes -= len(line)
            if name not in self._files:
                self._files[name] = LogFile(name, self.rotation)
            return self._files[name], line, refused


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
        raise config.unwritable("[supervisor] log_dir", folder, exc) from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{config.file}: [supervisor] log_dir: {folder}: can't be written")
    return Rotation(folder, of.log_max_bytes, of.log_keep)
