"""`make path`: what each millisecond from a POST to the verdict on the WebSocket is spent on.

Nothing is built into the daemons for it. Each event says when the store wrote it, by the clock that
the client has too, so the way falls into pieces at these times; what of a core each daemon uses is
what the kernel says of its process. Beside them stand the floors: the same disk, kernel and Python
doing the one thing that can't be left out, in turn with the submissions.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import trio
from rich import box
from rich.console import Console
from rich.table import Table
from trio_websocket import WebSocketConnection, open_websocket_url

from benchmarks.bare import run_bare
from benchmarks.measure import Spread
from benchmarks.verdict import ApiConnection, bare_command, make_site, open_system, request_of

_VERDICT_S = 60.0
_WARM_UP = 20
_USER = "path"

#: A step of the way, and the two times between which it lies.
_STEPS = (
    ("POST sent, read, checked; script of the submit begins", "sent", "submission.queued"),
    ("script, fsync, answer read", "submission.queued", "answered"),
    ("hint popped, claimed", "submission.queued", "submission.started"),
    ("run, output compared, result written", "submission.started", "submission.judged"),
    ("fsync, PUBLISH, gateway, event read", "submission.judged", "told"),
    ("the whole way", "sent", "told"),
)


async def _submit(http: ApiConnection, events: WebSocketConnection) -> dict[str, float]:
    """Submit and return the times of what happened, in seconds since the epoch."""
    with trio.fail_after(_VERDICT_S):
        times = {"sent": time.time()}
        await http.post("/submissions", request_of(_USER))
        times["answered"] = time.time()
        while "told" not in times:
            event = json.loads(await events.get_message())
            times[event["type"]] = datetime.fromisoformat(event["at"]).timestamp()
            if event["type"] == "submission.judged":
                assert event["verdict"] == "accepted", event
                times["told"] = time.time()
        return times


async def _pids(folder: Path) -> dict[str, list[int]]:
    """Return the processes of each daemon; the worker's sandbox stands for itself."""
    gavel = str(Path(sys.executable).parent / "gavel")
    told = await trio.run_process([gavel, "status", "--json"], cwd=folder, capture_stdout=True)
    found = {
        name: [instance["pid"] for instance in daemon["instances"]]
        for name, daemon in json.loads(told.stdout)["daemons"].items()
    }
    found["the sandbox"] = [pid for worker in found["worker"] for pid in _below(worker)]
    return found


def _below(parent: int) -> Iterator[int]:
    """Yield the processes below *parent*."""
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in map(int, children.read_text().split()):
            yield pid
            yield from _below(pid)


def _cpu_ms(pids: list[int]) -> float:
    """Return what *pids* and their children that have ended have used of a core."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # a parked run, which has run since; its parent counts it
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks * 1e3 / os.sysconf("SC_CLK_TCK")


def _floors(folder: Path, bare: list[str]) -> dict[str, Callable[[], object]]:
    """Return the least that things can cost on this machine, by what they are."""
    log = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ours, theirs = socket.socketpair()

    def write_through() -> None:
        os.write(log, bytes(500))
        os.fdatasync(log)

    def answer() -> None:
        while data := theirs.recv(1):
            theirs.send(data)

    def exchange() -> None:
        ours.send(b"x")
        ours.recv(1)

    def fork() -> None:
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    threading.Thread(target=answer, daemon=True).start()
    return {
        "500 bytes written, fdatasync": write_through,
        "round trip between two threads, two context switches": exchange,
        "fork of this process, its end": fork,
        "bare posix_spawn of `true`": lambda: run_bare(["/bin/true"], Path("/dev/null")),
        "bare posix_spawn of `python3 solution.py`": lambda: run_bare(bare, folder / "solution.in"),
    }


class _Measured(NamedTuple):
    ways: list[dict[str, float]]
    floors: dict[str, list[float]]
    cpu_ms: dict[str, float]


async def _measure(rounds: int) -> _Measured:
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
        folder = Path(name)
        make_site(folder)
        async with open_system(folder) as (api, gateway):
            host, _, port = api.rpartition(":")
            http = ApiConnection(await trio.open_tcp_stream(host, int(port)), api)
            async with open_websocket_url(f"ws://{gateway}/") as events:
                await events.send_message(_USER)
                assert json.loads(await events.get_message())["type"] == "ready"
                for _ in range(_WARM_UP):
                    await _submit(http, events)
                pids = await _pids(folder)
                before = {name: _cpu_ms(found) for name, found in pids.items()}
                ways = [await _submit(http, events) for _ in range(rounds)]
                used = {name: _cpu_ms(pids[name]) - before[name] for name in pids}
            await http.aclose()
        floors = {
            what: [_time(floor) for _ in range(rounds)]
            for what, floor in _floors(folder, await bare_command(folder)).items()
        }
    return _Measured(ways, floors, {name: total / rounds for name, total in used.items()})


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _make_table(measured: _Measured) -> Table:
    table = Table("what", "ms", "5 % - 95 %", box=box.SIMPLE_HEAD)
    for what, first, last in _STEPS:
        _add(table, what, [way[last] - way[first] for way in measured.ways])
    table.add_section()
    for what, samples in measured.floors.items():
        _add(table, what, samples)
    table.add_section()
    for name, spent in measured.cpu_ms.items():
        table.add_row(f"CPU of {name} for one submission", f"{spent:.2f}", "")
    table.add_row("CPU of all", f"{sum(measured.cpu_ms.values()):.2f}", "")
    return table


def _add(table: Table, what: str, samples_s: list[float]) -> None:
    spread = Spread.of([sample * 1e3 for sample in samples_s])
    table.add_row(what, f"{spread.median:.2f}", f"{spread.low:.2f} - {spread.high:.2f}")


@click.command()
@click.option("--rounds", type=click.IntRange(min=2), default=300, show_default=True)
def path(rounds: int) -> None:
    """Submit one program after the other, and show where the time and the CPU go."""
    Console(width=None if sys.stdout.isatty() else 110).print(
        _make_table(trio.run(_measure, rounds))
    )


if __name__ == "__main__":
    path(prog_name="make path")
