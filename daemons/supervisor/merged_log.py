"""One log of all daemons: what each writes to stdout and stderr, each line under its name.

Daemons under the supervisor write JSON; here it becomes what people read, when people are to read
it, and stays JSON in files. Reading never blocks a daemon: its pipe is emptied in bounded chunks as
they come. A line longer than `LINE_BYTES` is cut into several. The last lines of each daemon are
kept for the report of its death.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import trio

from daemons.logs import LineSink, LineWriter, ReadableLines, log_mode, read_event, wants_colour
from daemons.supervisor.log_files import LogFiles, Rotation

LINE_BYTES = 16_384
TAIL_LINES = 200
_CHUNK_BYTES = 65_536
#: Width of the widest name, `supervisor`.
_NAME_WIDTH = 10
#: One colour per daemon (ANSI): cyan, magenta, blue, yellow, green.
_COLOURS = {"api": 36, "gateway": 35, "worker": 34, "store": 33, "supervisor": 32}


class MergedLog:
    """Where all daemons' lines go, until it is closed; then to the descriptor alone.

    Args:
        fd: the descriptor to write to.
        rotation: the log files beside it, if any.
    """

    def __init__(self, fd: int = 2, rotation: Rotation | None = None) -> None:
        self.json = log_mode(fd) == "json"
        self._colour = wants_colour(fd) and not self.json
        self._readable = ReadableLines(colour=self._colour, with_name=False)
        self._writer = LineWriter(fd)
        self._files: LogFiles | None = None
        self._dropped_before = 0
        self.use(rotation)

    @property
    def dropped_lines(self) -> int:
        """How many lines could not be written so far."""
        in_files = self._files.dropped_total if self._files else 0
        return self._dropped_before + in_files + self._writer.dropped_total

    def use(self, rotation: Rotation | None) -> None:
        """Write the files of *rotation* from now on."""
        if rotation != (self._files.rotation if self._files else None):
            self.close()
            self._files = LogFiles(rotation) if rotation else None

    def close(self) -> None:
        """Finish the files; waits for a disk that hangs, but not long."""
        if self._files:
            self._files.close()
            self._dropped_before += self._files.dropped_total
            self._files = None

    def sink(self, name: str) -> LineSink:
        """Return where *name*, in this process, writes its own JSON lines."""
        return _Speaker(self, name)

    def write(self, name: str, line: str) -> None:
        """Write *line* of the daemon *name*."""
        event = read_event(line)
        machine = line if event is not None else _wrap(name, line)
        if self._files:
            self._files.write_line(name, machine)
        if self.json:
            self._writer.write_line(machine)
        else:
            text = line if event is None else self._readable.render(event)
            self._writer.write_line(_prefix(name, colour=self._colour) + text)

    async def pump(self, name: str, fd: int, tail: deque[str], muted: Sequence[str] = ()) -> None:
        """Write the lines that come out of *fd*, until its end; closes *fd*.

        Args:
            name: under which name they are written.
            fd: the read end of a pipe.
            tail: gets the last lines.
            muted: lines that hold one of these texts are left out.
        """
        rest = b""
        async with trio.lowlevel.FdStream(fd) as stream:
            async for chunk in _chunks(stream):
                lines, rest = split_lines(rest + chunk)
                for line in lines:
                    self._keep(name, line, tail, muted)
        if rest:
            self._keep(name, rest, tail, muted)

    def _keep(self, name: str, line: bytes, tail: deque[str], muted: Sequence[str]) -> None:
        text = line.decode("utf-8", "backslashreplace")
        if any(each in text for each in muted):
            return
        tail.append(text)
        self.write(name, text)


class _Speaker(LineSink):
    """One who writes into a `MergedLog` without a pipe: the supervisor itself."""

    def __init__(self, merged: MergedLog, name: str) -> None:
        self._merged = merged
        self._name = name

    def write_line(self, line: str) -> None:
        """Write *line* under the speaker's name."""
        self._merged.write(self._name, line)


def _wrap(name: str, line: str) -> str:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"daemon": name, "event": line, "timestamp": now})


async def _chunks(stream: trio.lowlevel.FdStream) -> AsyncIterator[bytes]:
    while chunk := await stream.receive_some(_CHUNK_BYTES):
        yield bytes(chunk)


def split_lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines in *data*, cut at `LINE_BYTES`, and the unfinished rest."""
    *whole, rest = data.split(b"\n")
    lines = [piece for line in whole for piece in _pieces(line)]
    *full, rest = _pieces(rest)
    return lines + full, rest


def _pieces(line: bytes) -> list[bytes]:
    return [line[at : at + LINE_BYTES] for at in range(0, len(line), LINE_BYTES)] or [b""]


def _prefix(name: str, *, colour: bool) -> str:
    """Return what stands before each line of the daemon *name*."""
    text = f"{name:<{_NAME_WIDTH}} | "
    return f"\x1b[{_COLOURS.get(name, 37)}m{text}\x1b[0m" if colour else text
