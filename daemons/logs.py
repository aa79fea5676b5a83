"""Structured logs: one line per event on stderr, readable for people or JSON for machines.

What a line looks like is settled once, by `configure_logs`, from the environment variable
``GAVEL_LOG``: ``readable`` (time, level, daemon and pid, event; coloured on a terminal) or
``json``. Without it a terminal gets ``readable`` and everything else ``json``. ``NO_COLOR`` and
``FORCE_COLOR`` are honoured.

Writing never blocks: a reader that has stopped, or a full disk, costs lines, and the next line that
gets through says how many. A daemon that waits for its log would stop judging for it.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Iterable, Iterator, MutableMapping
from datetime import datetime
from typing import IO, Any

import msgspec
import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Event = MutableMapping[str, Any]

#: A pipe that polls as writable takes this much without blocking (pipe(7), PIPE_BUF).
_CHUNK_BYTES = 4096


class LineSink:
    """Where lines go, with the methods of what structlog calls a logger: one per level."""

    def write_line(self, line: str) -> None:
        """Write *line*."""
        raise NotImplementedError

    def msg(self, message: str) -> None:
        """Write *message* as one event."""
        self.write_line(message)

    debug = info = warning = error = critical = exception = msg


class LineWriter(LineSink):
    """Writes whole lines to a descriptor and drops them, counted, rather than wait.

    Args:
        fd: where to write; it is neither closed nor made non-blocking, since others share it.
    """

    def __init__(self, fd: int) -> None:
        #: Not written since the last line that was, and in all.
        self.dropped = 0
        self.dropped_total = 0
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write_line(self, line: str) -> None:
        """Write *line* and a newline, or count it as dropped."""
        if self.dropped and self._write(b"(%d log lines dropped here)\n" % self.dropped):
            self.dropped = 0
        if not self._write(line.encode("utf-8", "backslashreplace") + b"\n"):
            self.dropped += 1
            self.dropped_total += 1

    def _write(self, data: bytes) -> bool:
        try:
            while data:
                ready = self._poll.poll(0)
                if not ready or not ready[0][1] & select.POLLOUT:
                    return False
                data = data[os.write(self._fd, data[:_CHUNK_BYTES]) :]
        except OSError:
            # EPIPE, ENOSPC, EIO: nobody can be told but by the count.
            return False
        return True


class _StdlibBridge(logging.Handler):
    """Sends what libraries log by `logging` into the same stream."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record*, with its traceback, under the library's name."""
        structlog.get_logger().log(
            record.levelno, record.getMessage(), library=record.name, exc_info=record.exc_info
        )


def configure_logs(daemon: str, *, fd: int = 2, sink: LineSink | None = None) -> None:
    """Set up logging for this process: *daemon* and the pid stand on each line.

    Args:
        daemon: the name of the daemon, as in ``gavel status``.
        fd: where lines go; stderr unless a test asks otherwise.
        sink: takes the lines, in JSON, in place of *fd*.
    """
    for_people = sink is None and log_mode(fd) == "readable"
    taker = sink or LineWriter(fd)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            _Speaker(daemon),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            ReadableLines(colour=wants_colour(fd), with_name=True)
            if for_people
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            os.environ.get("GAVEL_LOG_LEVEL", "info")
        ),
        logger_factory=lambda *_: taker,
        # Not cached: a process that configures twice (a test) would go on with the old stream.
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_StdlibBridge()], level=logging.WARNING, force=True)


def log_mode(fd: int = 2) -> str:
    """Return how lines look here: ``readable`` or ``json``."""
    asked = os.environ.get("GAVEL_LOG", "")
    if asked in {"readable", "json"}:
        return asked
    return "readable" if os.isatty(fd) else "json"


def wants_colour(stream: IO[str] | int = 2) -> bool:
    """Return whether *stream* should get colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.isatty(stream if isinstance(stream, int) else stream.fileno())


class _Speaker:
    """Puts the daemon's name and the pid on each event.

    The pid is asked for each time: a process that forks must not speak under its parent's.
    """

    def __init__(self, daemon: str) -> None:
        self._daemon = daemon

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        """Return *event* with ``daemon`` and ``pid``."""
        return {"daemon": self._daemon, "pid": os.getpid(), **event}


class ReadableLines:
    """Makes of an event the line that people read.

    Args:
        colour: whether it is coloured.
        with_name: whether the daemon's name stands before its pid.
    """

    def __init__(self, *, colour: bool, with_name: bool) -> None:
        self._with_name = with_name
        self._renderer = structlog.dev.ConsoleRenderer(
            colors=colour,
            pad_event_to=0,
            # The default draws boxes with local variables: long, and it may show a token.
            exception_formatter=structlog.dev.plain_traceback,
        )

    def __call__(self, _logger: Any, _method: str, event: Event) -> str:
        """Return the line, as structlog asks for it."""
        return self.render(event)

    def render(self, event: Event) -> str:
        """Return the line; what a daemon said last stands below the report of its death."""
        shown = {**event, "timestamp": _local_time(event.get("timestamp"))}
        name = shown.pop("daemon", "")
        last_lines = shown.pop("last_lines", None) or []
        pid = f"[{shown.pop('pid', '')}]"
        shown["event"] = f"{name if self._with_name else ''}{pid} {shown.get('event', '')}"
        if "level" in shown:
            shown["level"] = str(shown["level"])
        line = self._renderer(None, "", shown)
        return "\n".join([line, *(f"    > {said}" for said in self._as_said(last_lines))])

    def _as_said(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the lines of a dead daemon, those that it wrote as JSON made readable."""
        for line in lines:
            event = read_event(str(line))
            yield from [line] if event is None else self.render(event).split("\n")


def read_event(line: str) -> dict[str, Any] | None:
    """Return what *line* says if it is an event in JSON; a piece of a cut line is none."""
    if not line.startswith("{"):
        return None
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _local_time(timestamp: object) -> str:
    """Return the time of day here, to milliseconds, or what is no time as it is."""
    try:
        at = datetime.fromisoformat(str(timestamp))
    except ValueError:
        return str(timestamp or "")
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]
