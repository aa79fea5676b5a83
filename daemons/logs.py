"""Structured logs: one line per event on stderr, readable for people or JSON for machines.

What a line looks like is settled once, by `configure_logs`, from the environment variable
``GAVEL_LOG``: ``readable`` (time, level, daemon and pid, event; coloured on a terminal), ``merged``
(the same without the daemon's name: the supervisor puts it before each line) or ``json``. Without
it a terminal gets ``readable`` and everything else ``json``. ``NO_COLOR`` and ``FORCE_COLOR`` are
honoured.

Writing never blocks: a reader that has stopped, or a full disk, costs lines, and the next line that
gets through says how many. A daemon that waits for its log would stop judging for it.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import MutableMapping
from typing import IO, Any

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Event = MutableMapping[str, Any]

#: A pipe that polls as writable takes this much without blocking (pipe(7), PIPE_BUF).
_CHUNK_BYTES = 4096


class LineWriter:
    """Writes whole lines to a descriptor and drops them, counted, rather than wait.

    Args:
        fd: where to write; it is neither closed nor made non-blocking, since others share it.
        prefix: stands before each line.
    """

    def __init__(self, fd: int, prefix: str = "") -> None:
        self.dropped = 0
        self._prefix = prefix
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write_line(self, line: str) -> None:
        """Write *line* and a newline, or count it as dropped."""
        if self.dropped and self._write(b"(%d log lines dropped here)\n" % self.dropped):
            self.dropped = 0
        if not self._write((self._prefix + line).encode("utf-8", "backslashreplace") + b"\n"):
            self.dropped += 1

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

    # What structlog calls a logger: one method per level.
    def msg(self, message: str) -> None:
        """Write *message* as one event."""
        self.write_line(message)

    debug = info = warning = error = critical = exception = msg


class _StdlibBridge(logging.Handler):
    """Sends what libraries log by `logging` into the same stream."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record*, with its traceback, under the library's name."""
        structlog.get_logger().log(
            record.levelno, record.getMessage(), library=record.name, exc_info=record.exc_info
        )


def configure_logs(daemon: str, *, fd: int = 2, prefix: str = "") -> None:
    """Set up logging for this process: *daemon* and the pid stand on each line.

    Args:
        daemon: the name of the daemon, as in ``gavel status``.
        fd: where lines go; stderr unless a test asks otherwise.
        prefix: stands before each line that is not JSON, in place of the daemon's name.
    """
    mode = log_mode(fd)
    if prefix and mode == "readable":
        mode = "merged"
    writer = LineWriter(fd, "" if mode == "json" else prefix)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            _Speaker(daemon),
            *(_json_processors() if mode == "json" else _readable_processors(mode, fd)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            os.environ.get("GAVEL_LOG_LEVEL", "info")
        ),
        logger_factory=lambda *_: writer,
        # Not cached: a process that configures twice (a test) would go on with the old stream.
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_StdlibBridge()], level=logging.WARNING, force=True)


def log_mode(fd: int = 2) -> str:
    """Return how lines look here: ``readable``, ``merged`` or ``json``."""
    asked = os.environ.get("GAVEL_LOG", "")
    if asked in {"readable", "merged", "json"}:
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


def _json_processors() -> list[Any]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _readable_processors(mode: str, fd: int) -> list[Any]:
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
        _shorten_time,
        _ShowSpeaker(with_name=mode == "readable"),
        structlog.processors.StackInfoRenderer(),
        structlog.dev.ConsoleRenderer(
            colors=wants_colour(fd),
            pad_event_to=0,
            # The default draws boxes with local variables: long, and it may show a token.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _shorten_time(_logger: Any, _method: str, event: Event) -> Event:
    """Cut the time to milliseconds."""
    return {**event, "timestamp": event["timestamp"][:-3]}


class _ShowSpeaker:
    """Moves the daemon and the pid before the event's text."""

    def __init__(self, *, with_name: bool) -> None:
        self._with_name = with_name

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        """Return *event* with ``name[pid]`` at the head of its text."""
        name = event.pop("daemon") if self._with_name else ""
        event.pop("daemon", None)
        event["event"] = f"{name}[{event.pop('pid')}] {event.get('event', '')}"
        return event
