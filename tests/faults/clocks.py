"""The store's clock and the daemons' clocks jump, by libfaketime (Debian's package faketime)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from tests.faults.fault import TWO_WORKERS, Setup, fault
from tests.faults.ground import QUICK, Ground

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_ABSENT = "" if _LIBRARIES else "libfaketime is missing; install it with: apt-get install faketime"


def faked(*daemons: str) -> Setup:
    """Return a system in which the clock of *daemons*, not their monotonic one, follows a file."""
    variables = {
        "LD_PRELOAD": str(_LIBRARIES[0]) if _LIBRARIES else "",
        "FAKETIME_TIMESTAMP_FILE": "FOLDER/clock",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    listed = ", ".join(f"{name} = '{value}'" for name, value in variables.items())
    tables = "".join(f"[supervisor.{name}]\nenvironment = {{ {listed} }}\n" for name in daemons)
    return Setup(worker=TWO_WORKERS, more=QUICK + tables)


async def jump(ground: Ground, jumps: Sequence[str]) -> str:
    """Let the clock jump while submissions run; check that no lease and no order suffers."""
    user = ground.user("u1")
    clock, ids = ground.folder / "clock", []
    for each in jumps:
        running = [await ground.submit(user, "import time\ntime.sleep(1)") for _ in range(2)]
        for id_ in running:
            await ground.worker_of(id_)
        clock.write_text(each)
        # The workers look for lost leases meanwhile: one that believed the clock would take them.
        await ground.judged(user, running)
        ids += [*running, await ground.submit(user, "print(1)")]
        await ground.judged(user, ids)
    attempts = [(await ground.record(id_, "attempt"))[0] for id_ in ids]
    assert set(attempts) == {"1"}, attempts
    links = itertools.pairwise(user.events.values())
    assert all(after["prev"] == before["id"] < after["id"] for before, after in links)
    return f"0 of {len(ids)} leases ended early; {len(user.events)} ids rose, link by link"


@fault(26, "clock of the store jumps", faked("store"), absent=_ABSENT)
async def jump_store(ground: Ground) -> str:
    """The embedded store's clock goes an hour ahead, then an hour behind, while programs run."""
    return await jump(ground, ("+3600", "-3600", "+0"))


@fault(27, "clocks of worker and gateway jump", faked("worker", "gateway"), absent=_ABSENT)
async def jump_daemons(ground: Ground) -> str:
    """The worker's and the gateway's clocks go a day ahead, then a day behind."""
    seen = await jump(ground, ("+86400", "-86400"))
    (gateway,) = await ground.instances("gateway")
    assert gateway["restarts"] == 0
    return seen
