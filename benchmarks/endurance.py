"""`make endurance`: thousands of sockets while the gateway, then the store, is killed.

Every user gets events before, during and after; at the end each must have been told each event of
his history, in order, and nobody an event of somebody else.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import click
import trio

from daemons.broker import Broker, StoreUnavailable, open_broker
from daemons.config import Config, load_config
from daemons.supervisor.store import store_command, wait_for_store
from protocol.messages import SubmissionRequest

_PATIENCE_S = 120.0
_START_S = 60.0
_SUBMITTERS = 16
#: Sockets beside whose latency that with all of them is held, and how the events for it come.
_FEW = 10
_EVENTS_PER_S = 100
_CONFIG = """
[store]
listen = ""
[gateway]
max_connections_per_address = 100000
{limits}
[limits]
open_per_user = 1000000
queue_depth = 1000000
"""
INHERIT = (
    "import os, sys; fd = int(sys.argv.pop(1)); os.dup2(fd, 3); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execv(sys.executable, [sys.executable, '-m', 'daemons.cli.main', *sys.argv[1:]])"
)


class Site:
    """A store and a gateway that can be killed, and their sockets that outlive them."""

    def __init__(self, config: Config, listening: socket.socket) -> None:
        self.config = config
        self.address = "{}:{}".format(*listening.getsockname())
        self._listening = listening
        self.store: subprocess.Popen[bytes] | None = None
        #: All that were started; the last one is the one to look at.
        self.gateways: list[subprocess.Popen[bytes]] = []

    async def start_store(self) -> None:
        """Start the store and wait until it answers."""
        self.store = _start(store_command(self.config))
        with trio.fail_after(_START_S):
            await wait_for_store(self.config.store_socket)

    def start_gateway(self) -> None:
        """Start a gateway; who comes before it is ready waits in the socket's queue."""
        fd = self._listening.fileno()
        command = [sys.executable, "-c", INHERIT, str(fd), "gateway", "--config", self.config.file]
        self.gateways.append(_start(command, pass_fds=(fd,)))

    def gateway_bytes(self) -> int:
        """Return the resident memory of the gateway."""
        pages = Path(f"/proc/{self.gateways[-1].pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()


def _start(command: list[str], pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, pass_fds=pass_fds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()


@asynccontextmanager
async def open_site(limits: str = "") -> AsyncIterator[Site]:
    """Run a store with the shipped settings, and a gateway, in a folder of their own.

    *limits* goes into the table `[gateway]`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gavel-endurance-") as folder,
        socket.create_server(("127.0.0.1", 0), backlog=4096) as listening,
    ):
        file = Path(folder) / "supervisor.toml"
        file.write_text(_CONFIG.format(limits=limits))
        site = Site(load_config(file), listening)
        try:
            await site.start_store()
            site.start_gateway()
            yield site
        finally:
            for gateway in site.gateways:
                _kill(gateway)
            _kill(site.store)


class Crowd:
    """A fleet of clients in a process of its own, as `benchmarks/fleet.py` tells of it."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._waiting = b""
        self.ready = 0
        self.told = 0
        self.report: dict[str, Any] = {}

    async def listen(self) -> None:
        """Take what it tells, until it ends."""
        assert self._process.stdout is not None
        async for data in self._process.stdout:
            *lines, self._waiting = (self._waiting + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                self.ready, self.told = said["ready"], said["told"]
                self.report = said if "events" in said else self.report

    async def until(self, ready: int, told: int = 0) -> float:
        """Wait until so many are ready and have been told so much; return the seconds it took."""
        began = time.monotonic()
        with trio.move_on_after(_PATIENCE_S) as scope:
            while self.ready < ready or self.told < told:  # noqa: ASYNC110 - another process tells
                await trio.sleep(0.05)
        if scope.cancelled_caught:
            raise RuntimeError(f"{self.ready} of {ready} ready, {self.told} of {told} told")
        return time.monotonic() - began

    async def finish(self) -> dict[str, Any]:
        """End it and return its whole report."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        with trio.fail_after(_PATIENCE_S):
            while not self.report:  # noqa: ASYNC110 - another process tells
                await trio.sleep(0.01)
        return self.report


@asynccontextmanager
async def open_crowd(address: str, plain: int, after: int) -> AsyncIterator[Crowd]:
    """Run *plain* and *after* clients of the gateway at *address*."""
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process,
            [sys.executable, "-m", "benchmarks.fleet", address, str(plain), str(after)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            check=False,
        )
        process: trio.Process = await nursery.start(run)
        crowd = Crowd(process)
        nursery.start_soon(crowd.listen)
        try:
            yield crowd
        finally:
            process.kill()


async def submit(broker: Broker, users: list[str]) -> None:
    """Make one event of each of *users*, in any order, also while the store comes back."""
    waiting = iter(random.sample(users, len(users)))

    async def submit_some() -> None:
        for user in waiting:
            request = SubmissionRequest(problem_id="p", user_id=user, language="python", code="x")
            while True:
                try:
                    await broker.submit(request)
                    break
                except StoreUnavailable:
                    await trio.sleep(0.05)

    with trio.fail_after(_PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for _ in range(_SUBMITTERS):
                nursery.start_soon(submit_some)


async def trickle(broker: Broker, users: list[str], count: int) -> None:
    """Make *count* events at a steady rate, so that none waits for another."""
    due = trio.current_time()
    with trio.fail_after(_PATIENCE_S):
        for user in islice(cycle(users), count):
            await trio.sleep_until(due)
            due += 1 / _EVENTS_PER_S
            await broker.submit(
                SubmissionRequest(problem_id="p", user_id=user, language="python", code="x")
            )


def quantiles(latencies_ms: list[float]) -> tuple[float, float]:
    """Return median and p99."""
    cuts = statistics.quantiles(latencies_ms, n=100)
    return cuts[49], cuts[98]


@dataclass
class Outcome:
    """What one endurance run showed; *missed* and *strangers* must be 0.

    Latencies are median and p99: *few_ms* with ten sockets and events that come singly, *many_ms*
    likewise with all sockets, *burst_ms* when many events come at once.
    """

    sockets: int
    bytes_per_socket: float
    connected_s: float
    gateway_back_s: float
    store_back_s: float
    events: int
    missed: int
    strangers: int
    disorder: int
    repeated: int
    gaps: int
    few_ms: tuple[float, float]
    many_ms: tuple[float, float]
    burst_ms: tuple[float, float]


async def endure(plain: int, after: int, rounds: int) -> Outcome:
    """Run it: *plain* mostly idle clients, *after* busy ones with *rounds* events each a phase."""
    busy = [f"after-{n}" for n in range(after)]
    idle = [f"plain-{n}" for n in range(plain)]
    everybody, singly = plain + after, rounds * _FEW
    async with open_site() as site, open_broker(site.config, name="endurance") as broker:
        async with open_crowd(site.address, 0, _FEW) as crowd:
            await crowd.until(_FEW)
            before = site.gateway_bytes()
            await trickle(broker, busy[:_FEW], singly)
            await crowd.until(_FEW, singly)
            few_ms = quantiles((await crowd.finish())["latencies_ms"])
        async with open_crowd(site.address, plain, after) as crowd:
            # The first ten busy ones are told again what they were told as the only ones.
            connected_s = await crowd.until(everybody, singly)
            each = (site.gateway_bytes() - before) / (everybody - _FEW)
            await trickle(broker, busy, singly)
            await crowd.until(everybody, 2 * singly)
            await submit(broker, busy * rounds)
            await crowd.until(everybody, 2 * singly + after * rounds)
            quiet = crowd.told
            gateway_back_s = await _kill_gateway(site, broker, crowd, idle + busy * rounds)
            store_back_s = await _kill_store(site, broker, crowd, busy * rounds)
            report = await crowd.finish()
        missed = await _count_missed(broker, report["events"])
    latencies = report["latencies_ms"]
    return Outcome(
        sockets=everybody,
        bytes_per_socket=each,
        connected_s=connected_s,
        gateway_back_s=gateway_back_s,
        store_back_s=store_back_s,
        events=report["told"],
        missed=missed,
        few_ms=few_ms,
        many_ms=quantiles(latencies[singly : 2 * singly]),
        burst_ms=quantiles(latencies[2 * singly : quiet]),
        **{name: report[name] for name in ("strangers", "disorder", "repeated", "gaps")},
    )


async def _kill_gateway(site: Site, broker: Broker, crowd: Crowd, users: list[str]) -> float:
    """Make an event of each of *users* while nobody serves them; return when all had them."""
    everybody, told = crowd.ready, crowd.told
    _kill(site.gateways[-1])
    await submit(broker, users)
    site.start_gateway()
    return await crowd.until(everybody, told + len(users))


async def _kill_store(site: Site, broker: Broker, crowd: Crowd, users: list[str]) -> float:
    """Make an event of each of *users* while the store comes back; return when all had them."""
    everybody, told = crowd.ready, crowd.told
    _kill(site.store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit, broker, users)
        began = time.monotonic()
        await site.start_store()
    await crowd.until(everybody, told + len(users))
    return time.monotonic() - began


async def _count_missed(broker: Broker, told: dict[str, list[int]]) -> int:
    missed = 0
    for user, ids in told.items():
        history = [json.loads(raw)["id"] for raw in (await broker.replay(user, None)).events]
        missed += len(set(history) - set(ids))
    return missed


def _told(latency_ms: tuple[float, float]) -> str:
    return "{:.1f} and {:.1f} ms".format(*latency_ms)


@click.command()
@click.option("--idle", default=10_000, show_default=True, help="Clients that say only their id.")
@click.option("--busy", default=200, show_default=True, help="Clients that get many events.")
@click.option("--rounds", default=20, show_default=True, help="Events of a busy one per phase.")
def main(idle: int, busy: int, rounds: int) -> None:
    """Keep sockets open while the gateway, then the store, is killed; tell what came of it."""
    began = time.monotonic()
    outcome = trio.run(endure, idle, busy, rounds)
    click.echo(
        f"{outcome.sockets} sockets, {outcome.bytes_per_socket / 1000:.1f} kB each in the gateway, "
        f"connected in {outcome.connected_s:.1f} s\n"
        f"event to client, p50 and p99, {_EVENTS_PER_S} a second: {_told(outcome.many_ms)}; "
        f"with {_FEW} sockets: {_told(outcome.few_ms)}\n"
        f"many events at once: {_told(outcome.burst_ms)}\n"
        f"gateway killed: everyone back with everything {outcome.gateway_back_s:.1f} s after\n"
        f"store killed: everyone told everything {outcome.store_back_s:.1f} s after\n"
        f"{outcome.events} events: {outcome.missed} missed, {outcome.strangers} to a stranger, "
        f"{outcome.disorder} out of order, {outcome.repeated} repeated, {outcome.gaps} gaps told\n"
        f"({time.monotonic() - began:.0f} s, {os.cpu_count()} cores)"
    )
    failed = outcome.missed or outcome.strangers or outcome.disorder or outcome.gaps
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(prog_name="make endurance")
