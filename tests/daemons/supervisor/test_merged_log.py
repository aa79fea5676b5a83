"""One log of all daemons: whole lines under their names, whatever a daemon writes."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Sequence
from unittest.mock import ANY

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from daemons.supervisor.merged_log import LINE_BYTES, TAIL_LINES, MergedLog, split_lines


async def merge(
    data: bytes, name: str = "api", muted: Sequence[str] = ()
) -> tuple[str, deque[str]]:
    """Return what a log makes of *data* from a daemon, and the lines kept."""
    out_read, out_write = os.pipe()
    daemon_read, daemon_write = os.pipe()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    log = MergedLog(out_write)
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.pump, name, daemon_read, tail, muted)
            async with trio.lowlevel.FdStream(daemon_write) as daemon:
                await daemon.send_all(data)
    os.close(out_write)
    with os.fdopen(out_read, "rb") as out:
        return out.read().decode(), tail


@pytest.fixture(autouse=True)
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lines be for people."""
    monkeypatch.setenv("GAVEL_LOG", "readable")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


async def test_log_puts_the_name_before_each_line() -> None:
    """Each line says which daemon spoke; a last line without an end counts as one."""
    text, tail = await merge(b"first\nsecond")

    assert text == "api        | first\napi        | second\n"
    assert list(tail) == ["first", "second"]


async def test_log_cuts_endless_lines() -> None:
    """A line without end is written in pieces and never kept whole."""
    text, tail = await merge(b"x" * (2 * LINE_BYTES + 5) + b"\nnext\n")

    assert [len(line) for line in tail] == [LINE_BYTES, LINE_BYTES, 5, 4]
    assert text.endswith("| next\n")


async def test_log_keeps_the_last_lines_for_the_report() -> None:
    """Of many lines the last ones are kept."""
    _, tail = await merge(b"".join(b"%d\n" % number for number in range(500)))

    assert len(tail) == TAIL_LINES
    assert tail[-1] == "499"


async def test_log_takes_bytes_that_are_no_text() -> None:
    """Bytes that are no UTF-8 are shown escaped, and nothing is lost."""
    text, _ = await merge(b"a\xffb\n")

    assert text == "api        | a\\xffb\n"


async def test_log_for_machines_is_json_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """In JSON mode a daemon's JSON passes unchanged and any other line is wrapped."""
    monkeypatch.setenv("GAVEL_LOG", "json")

    text, _ = await merge(b'{"event": "ready"}\nTraceback\n', "store")

    assert [json.loads(line) for line in text.splitlines()] == [
        {"event": "ready"},
        {"daemon": "store", "event": "Traceback", "timestamp": ANY},
    ]


async def test_log_for_people_reads_what_machines_write() -> None:
    """In readable mode an event in JSON becomes a line without the name that stands before it."""
    event = {"daemon": "api", "pid": 7, "event": "ready", "level": "info", "port": 1}

    text, tail = await merge(json.dumps(event).encode() + b"\n{no json\n")

    first, second = text.splitlines()
    assert re.fullmatch(r"api        \| +\[info *\] \[7\] ready +port=1", first)
    assert second == "api        | {no json"
    assert json.loads(tail[0]) == event


async def test_log_for_machines_wraps_pieces_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is longer than a line may be is no JSON any more, and is not passed as such."""
    monkeypatch.setenv("GAVEL_LOG", "json")

    text, _ = await merge(b'{"event": "' + b"x" * LINE_BYTES + b'"}\n')

    assert [json.loads(line)["daemon"] for line in text.splitlines()] == ["api", "api"]


async def test_log_leaves_out_what_is_muted() -> None:
    """A line that holds a muted text is neither written nor kept."""
    text, tail = await merge(b"WARNING overcommit\nready\n", muted=["WARNING over"])

    assert (text, list(tail)) == ("api        | ready\n", ["ready"])


async def test_log_that_nobody_reads_blocks_no_daemon() -> None:
    """A daemon can write on while the log's own reader has stopped."""
    out_read, out_write = os.pipe()
    daemon_read, daemon_write = os.pipe()
    log = MergedLog(out_write)

    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.pump, "api", daemon_read, deque[str](maxlen=1))
            async with trio.lowlevel.FdStream(daemon_write) as daemon:
                await daemon.send_all(b"x" * 99 + b"\n")
                await daemon.send_all((b"y" * 99 + b"\n") * 20_000)

    os.close(out_write)
    os.close(out_read)


@given(st.lists(st.binary(max_size=64)))
def test_splitting_loses_and_invents_nothing(chunks: list[bytes]) -> None:
    """However the bytes arrive, the same lines come out."""
    lines, rest = [], b""
    for chunk in chunks:
        whole, rest = split_lines(rest + chunk)
        lines += whole

    assert b"\n".join([*lines, rest]) == b"".join(chunks)
