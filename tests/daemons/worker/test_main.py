"""When a worker says that it is ready."""

from __future__ import annotations

from tests.daemons.worker.conftest import Site, eventually

SLOW_TO_BEAT = """
import sys
from pathlib import Path

import trio

from daemons.config import load_config
from daemons.worker import keeper, main

beat = keeper.Keeper.beat


async def beat_late(self):
    await trio.sleep(1.0)
    await beat(self)


keeper.Keeper.beat = beat_late
sys.exit(main.run(load_config(Path(sys.argv[1]))))
"""


async def test_ready_worker_can_be_seen(site: Site) -> None:
    """Who hears that it is ready finds it, and its languages, however long its first beat takes."""
    worker = site.start_worker(program=("-c", SLOW_TO_BEAT), beat_s=300.0, lease_s=600.0)
    await eventually(lambda: worker.logged("ready"))
    [shown] = await site.broker.workers()
    assert "c" in [each.id for each in shown.languages]
    assert await worker.stop() == 0
