"""Several gateway processes on one socket, and their replacement one after the other."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from benchmarks.endurance import Site, open_crowd, open_site, submit
from daemons.broker import Broker, open_broker

PLAIN, AFTER = 30, 30


async def replace(site: Site, old: subprocess.Popen[bytes]) -> None:
    """Start a process beside *old*, then ask that one to go, as the supervisor does."""
    site.start_gateway()
    for process in (old, site.gateways[-1]):
        await until_it_listens_to_signals(process)
    old.send_signal(signal.SIGTERM)
    with trio.fail_after(120):
        while old.poll() is None:  # noqa: ASYNC110 - another process ends
            await trio.sleep(0.02)
    assert old.returncode == 0


async def until_it_listens_to_signals(process: subprocess.Popen[bytes]) -> None:
    """Wait until SIGTERM would make *process* stop in order."""
    with trio.fail_after(120):
        while not catches_sigterm(process.pid):  # noqa: ASYNC110 - another process gets ready
            await trio.sleep(0.02)


def catches_sigterm(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM."""
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


async def replace_all(site: Site, olds: list[subprocess.Popen[bytes]]) -> None:
    """Replace each of *olds*, one after the other."""
    for old in olds:
        await replace(site, old)


async def submit_meanwhile(
    broker: Broker, users: list[str], work: Callable[[], Awaitable[None]]
) -> int:
    """Make events of all users again and again until *work* is done; return how many they are.

    So whoever parts has just been told something.
    """
    events = 0
    done = trio.Event()

    async def do_work() -> None:
        await work()
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(do_work)
        while not done.is_set():
            await submit(broker, users)
            events += len(users)
    return events


async def test_rolling_restart_loses_and_repeats_nothing() -> None:
    """With two processes, replaced under load one by one, each socket is told each event once.

    Also a plain one, which goes with its answer to the close frame and is soon back elsewhere.
    """
    users = [f"plain-{n}" for n in range(PLAIN)] + [f"after-{n}" for n in range(AFTER)]
    # A farewell has half of it: time enough for a slow machine.
    async with open_site("close_s = 40") as site, open_broker(site.config, name="test") as broker:
        site.start_gateway()
        olds = list(site.gateways)
        async with open_crowd(site.address, PLAIN, AFTER) as crowd:
            await crowd.until(len(users))
            told = await submit_meanwhile(broker, users, partial(replace_all, site, olds))
            await crowd.until(len(users), told)
            report = await crowd.finish()
        for user in users:
            history = [json.loads(raw)["id"] for raw in (await broker.replay(user, None)).events]
            assert report["events"][user] == history

    assert report["cut"] >= len(users)
    assert [report[each] for each in ("strangers", "disorder", "repeated", "gaps")] == [0] * 4
