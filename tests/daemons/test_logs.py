"""Log lines: one per event, for people or machines, and never a reason to wait."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemons.logs import LineWriter, ReadableLines

#: More than a process that logs three lines takes on any machine.
WAIT_S = 120.0
SPEAK = """
import logging
from daemons.logs import configure_logs, log
configure_logs("api")
log.info("listening", port=8000)
logging.getLogger("library").warning("from %s", "outside")
try:
    raise ExceptionGroup("two", [ValueError("first"), OSError("second")])
except ExceptionGroup:
    log.exception("failed")
"""


def speak(**environment: str) -> list[str]:
    """Return the lines of a process that logs into a pipe."""
    clean = {k: v for k, v in os.environ.items() if k not in {"GAVEL_LOG", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, "-c", SPEAK],
        env={**clean, **environment},
        stderr=subprocess.PIPE,
        timeout=WAIT_S,
        check=True,
    )
    return done.stderr.decode().splitlines()


def test_log_is_json_when_nobody_watches() -> None:
    """Into a pipe each event is one JSON object with daemon, pid, level and time."""
    first, second, third = map(json.loads, speak())

    assert first["event"] == "listening"
    assert first["port"] == 8000
    assert (first["daemon"], first["level"]) == ("api", "info")
    assert first["pid"] > 0
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["library"]) == ("from outside", "library")
    assert "ValueError: first" in third["exception"]
    assert "OSError: second" in third["exception"]


def test_log_is_readable_when_told_so() -> None:
    """With GAVEL_LOG=readable a line is for people, without colours in a pipe."""
    lines = speak(GAVEL_LOG="readable")

    assert " api[" in lines[0]
    assert lines[0].endswith("listening port=8000")
    assert "\x1b" not in "".join(lines)
    assert any("OSError: second" in line for line in lines)


def test_readable_lines_are_whole_reports() -> None:
    """An event that was written as JSON becomes a line, its traceback and last words below it."""
    event = {
        "daemon": "api",
        "pid": 7,
        "timestamp": "2026-11-23T01:02:03.456789Z",
        "level": "error",
        "event": "daemon died",
        "code": 1,
        "last_lines": ["first", '{"pid": 8, "event": "second", "level": "info"}'],
        "exception": "Traceback\nValueError: no",
    }

    text = ReadableLines(colour=False, with_name=True).render(event)

    first, *rest = text.split("\n")
    assert re.fullmatch(r"\d\d:\d\d:03\.456 \[error *\] api\[7\] daemon died +code=1", first)
    assert rest == ["Traceback", "ValueError: no", "    > first", "    > [info     ] [8] second"]


@pytest.mark.parametrize("event", [{}, {"timestamp": 7, "event": None, "pid": "x", "level": 3}])
def test_readable_lines_take_any_event(event: dict[str, object]) -> None:
    """Whatever a daemon writes as JSON, nothing fails."""
    assert ReadableLines(colour=True, with_name=True).render(event)


def test_log_on_a_terminal_is_coloured() -> None:
    """On a terminal lines are readable and coloured; NO_COLOR turns colours off."""
    for no_colour, expected in (("", True), ("1", False)):
        main, terminal = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if k != "GAVEL_LOG"}
        subprocess.run(
            [sys.executable, "-c", SPEAK],
            env={**environment, "NO_COLOR": no_colour},
            stderr=terminal,
            timeout=WAIT_S,
            check=True,
        )
        text = os.read(main, 4096).decode()
        os.close(main)
        os.close(terminal)

        assert "listening" in text
        assert ("\x1b[" in text) is expected


def test_writer_drops_lines_rather_than_wait() -> None:
    """A reader that has stopped costs lines, which are counted; it does not stop the writer."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 16384)
    writer = LineWriter(write)

    for number in range(100):
        writer.write_line(f"{number} " + "x" * 1000)
    dropped = writer.dropped
    kept = os.read(read, 1 << 20)
    writer.write_line("last")
    after = os.read(read, 1 << 20)
    os.close(read)
    os.close(write)

    assert dropped > 80
    assert kept.startswith(b"0 xxx")
    assert after == b"(%d log lines dropped here)\nlast\n" % dropped


def test_writer_survives_a_full_disk() -> None:
    """A full disk drops lines and raises nothing."""
    with Path("/dev/full").open("wb") as full:
        writer = LineWriter(full.fileno())

        writer.write_line("no room")

    assert writer.dropped == 1


def test_writer_survives_a_closed_reader() -> None:
    """A reader that has gone drops lines and raises nothing."""
    read, write = os.pipe()
    os.close(read)
    writer = LineWriter(write)

    writer.write_line("nobody hears")
    os.close(write)

    assert writer.dropped == 1


@pytest.mark.parametrize("text", ["\ud800", "umlaut ä", "nul \0"])
def test_writer_takes_any_text(text: str) -> None:
    """No text, however broken, makes logging fail."""
    read, write = os.pipe()
    LineWriter(write).write_line(text)
    os.close(write)

    with os.fdopen(read, "rb") as lines:
        assert lines.read().endswith(b"\n")
