"""One log of all daemons: what each writes to stdout and stderr, each line under its name.

Reading never blocks a daemon: its pipe is emptied in bounded chunks as they come. A line longer
than `LINE_BYTES` is cut into several. The last lines of each daemon are kept for the report of its
death.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator

import trio

from daemons.logs import LineWriter, log_mode, wants_colour

LINE_BYTES = 16_384
TAIL_LINES = 200
_CHUNK_BYTES = 65_536
#: Width of the widest name, `supervisor`.
_NAME_WIDTH = 10
#: One colour per daemon (ANSI): cyan, magenta, blue, yellow, green.
_COLOURS = {"api": 36, "gateway": 35, "worker": 34, "store": 33, "supervisor": 32}


class MergedLog:
    """Where all daemons' lines go.

    Args:
        fd: the descriptor to write to.
    """

    def __init__(self, fd: int = 2) -> None:
        self.json = log_mode(fd) == "json"
        self.colour = wants_colour(fd) and not self.json
        self._writer = LineWriter(fd)

    def write(self, name: str, line: str) -> None:
        """Write *line* of the daemon *name*."""
        if not self.json:
            self._writer.write_line(prefix(name, colour=self.colour) + line)
        elif line.startswith("{"):
            self._writer.write_line(line)
        else:
            self._writer.write_line(json.dumps({"daemon": name, "event": line}))

    async def pump(self, name: str, fd: int, tail: deque[str]) -> None:
        """Write the lines that come out of *fd*, until its end; closes *fd*.

        Args:
            name: under which name they are written.
            fd: the read end of a pipe.
            tail: gets the last lines.
        """
        rest = b""
        async with trio.lowlevel.FdStream(fd) as stream:
            async for chunk in _chunks(stream):
                lines, rest = split_lines(rest + chunk)
                for line in lines:
                    self._keep(name, line, tail)
        if rest:
            self._keep(name, rest, tail)

    def _keep(self, name: str, line: bytes, tail: deque[str]) -> None:
        text = line.decode("utf-8", "backslashreplace")
        tail.append(text)
        self.write(name, text)


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


def prefix(name: str, *, colour: bool) -> str:
    """Return what stands before each line of the daemon *name*."""
    text = f"{name:<{_NAME_WIDTH}} | "
    return f"\x1b[{_COLOURS.get(name, 37)}m{text}\x1b[0m" if colour else text
