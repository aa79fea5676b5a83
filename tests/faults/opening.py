"""How the ground of a fault is made, and that nothing is left of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import trio

from daemons.broker import open_broker
from daemons.config import Config, Store
from tests.chaos.run import sabotaged
from tests.faults.census import find_left
from tests.faults.fault import Setup
from tests.faults.ground import QUICK, WAIT_S, Ground
from tests.faults.outside import in_thread, open_outside
from tests.system.conftest import started

#: What a killed supervisor's daemons and their boxes may take to end, the store's last write included.
END_S = 30.0


async def hold_nursery(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hand over a nursery that stays open until it is cancelled."""
    async with trio.open_nursery() as nursery:
        task_status.started(nursery)
        await trio.sleep_forever()


@asynccontextmanager
async def open_ground(setup: Setup) -> AsyncIterator[Ground]:
    """Start a system as *setup* says; in the end stop it and check that nothing is left of it."""
    async with AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="gavel-fault-"))
        folder = Path(name)
        (folder / "tickets").mkdir()
        await trio.to_thread.run_sync(setup.furnish, folder)
        nursery = await stack.enter_async_context(trio.open_nursery())
        # Inside a task: what plays here is not to end with the watchers.
        watching = await nursery.start(hold_nursery)
        outside = await open_outside(setup, stack, nursery)
        table = f'url = "{outside.url}"\n{setup.store}' if outside.store else setup.store
        environment = {
            **os.environ, **sabotaged(setup.sabotage), "GAVEL_CRASH_TICKETS": f"{folder}/tickets",
        }  # fmt: skip
        more = setup.more if "[supervisor]" in setup.more else QUICK + setup.more
        more = more.replace("FOLDER", name)
        system = await stack.enter_async_context(
            in_thread(
                started(
                    folder, worker=setup.worker, store=table, api=setup.api,
                    gateway=setup.gateway, more=more,
                    within=setup.within, wait=setup.wait,
                    env=environment,
                )
            )
        )  # fmt: skip
        ground = Ground(folder, system, setup, nursery, watching)
        ground.store, ground.proxy, ground.follower, ground.link, _ = outside
        if setup.wait:
            await ground.find_addresses()
            ground.opened = await ground.descriptors()
        # A system within a mount namespace of its own is looked into from outside.
        root = f"/proc/{system.up.pid}/root" if setup.within else ""
        url = outside.store.url if outside.store else f"unix://{root}{folder}/var/store/store.sock"
        if setup.replica:
            url = outside.url  # wherever the proxy leads
        ground.broker = await stack.enter_async_context(
            open_broker(Config(store=Store(url=url)), name="faults")
        )
        ground.http = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=f"http://{ground.api or 'nowhere'}",
                timeout=WAIT_S,
                # A connection that is kept may end, for its age, just when it is used again.
                limits=httpx2.Limits(max_keepalive_connections=0),
            )
        )
        try:
            yield ground
            ground.look()
        finally:
            ground.end_watching()
            nursery.cancel_scope.cancel(reason="the fault is over")
    deadline = time.monotonic() + END_S
    while (left := find_left(ground.seen)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await trio.sleep(0.05)
    for each in ground.after:
        each()
    assert not left, f"left over: {left[:5]}"
    assert ground.system.up.returncode == 0, f"gavel up ended with {ground.system.up.returncode}"
