"""Several gateway processes on one socket, and their replacement one after the other."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import trio

from benchmarks.endurance import Site, open_crowd, open_site, submit
from daemons.broker import open_broker

PLAIN, AFTER = 30, 30


async def replace(site: Site, old: subprocess.Popen[bytes]) -> None:
    """Start a process beside *old*, then ask that one to go, as the supervisor does."""
    site.start_gateway()
    for process in (old, site.gateways[-1]):
        await until_it_listens_to_signals(process)
    old.send_signal(signal.SIGTERM)
    with trio.fail_after(30):
        while old.poll() is None:  # noqa: ASYNC110 - another process ends
            await trio.sleep(0.02)
    assert old.returncode == 0


async def until_it_listens_to_signals(process: subprocess.Popen[bytes]) -> None:
    """Wait until SIGTERM would make *process* stop in order."""
    with trio.fail_after(30):
        while not catches_sigterm(process.pid):  # noqa: ASYNC110 - another process gets ready
            await trio.sleep(0.02)


def catches_sigterm(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM."""
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


async def test_rolling_restart_loses_nothing() -> None:
    """With two processes, replaced under load one by one, each socket is told each event.

    A plain client that is back before its last proof is written may be told some twice.
    """
    users = [f"plain-{n}" for n in range(PLAIN)] + [f"after-{n}" for n in range(AFTER)]
    async with open_site() as site, open_broker(site.config, name="test") as broker:
        site.start_gateway()
        olds = list(site.gateways)
        async with open_crowd(site.address, PLAIN, AFTER) as crowd:
            await crowd.until(len(users))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(submit, broker, users * 10)
                for old in olds:
                    await replace(site, old)
            await crowd.until(len(users), len(users) * 10)
            report = await crowd.finish()
        for user in users:
            history = [json.loads(raw)["id"] for raw in (await broker.replay(user, None)).events]
            assert report["events"][user] == history

    assert report["cut"] >= len(users)
    assert (report["strangers"], report["disorder"], report["gaps"]) == (0, 0, 0)
