"""The store's clock and the daemons' clocks jump, by a library that is loaded before their own."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from tests.faults.fault import TWO_WORKERS, Setup, fault
from tests.faults.ground import QUICK, Ground

#: How far off the reading of a clock may be: what lies between its writing and its comparison.
_ERROR_S = 60
_SOURCE = Path(__file__).with_name("clock.c")


def _compile(folder: Path) -> None:
    library = folder / "clock.so"
    subprocess.run(["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)


def faked(*daemons: str) -> Setup:
    """Return a system in which the clock of *daemons*, not their monotonic one, follows a file."""
    variables = "{ LD_PRELOAD = 'FOLDER/clock.so', GAVEL_CLOCK = 'FOLDER/clock' }"
    tables = "".join(f"[supervisor.{name}]\nenvironment = {variables}\n" for name in daemons)
    return Setup(worker=TWO_WORKERS, more=QUICK + tables, furnish=_compile)


async def jump(
    ground: Ground, jumps: Sequence[int], ahead_s: Callable[[Ground, str], Awaitable[float]]
) -> str:
    """Let the clock jump while submissions run; check that no lease and no order suffers.

    *jumps* are seconds from the true time; *ahead_s* tells what the faked process believes who
    judged a submission that came after the jump.
    """
    user = ground.user("u1")
    ids = []

    async def set_clock(ahead_s: int, _: object) -> None:
        # Whole, so that nobody reads an empty file in between.
        (ground.folder / "clock.new").write_text(str(ahead_s))
        (ground.folder / "clock.new").rename(ground.folder / "clock")

    for before, each in itertools.pairwise([0, *jumps]):
        running = await ground.while_running(
            user, ["import time\ntime.sleep(1)"] * 2,
            partial(set_clock, each), partial(set_clock, before),
        )  # fmt: skip
        # The workers look for lost leases meanwhile: one that believed the clock would take them.
        await ground.judged(user, running)
        ids += [*running, await ground.submit(user, "print(1)")]
        await ground.judged(user, ids)
        believed = await ahead_s(ground, ids[-1])
        assert abs(believed - each) < _ERROR_S, f"the clock is {believed} s ahead, not {each} s"
    await ground.check_attempts(ids, 1)
    links = itertools.pairwise(user.events.values())
    assert all(after["prev"] == before["id"] < after["id"] for before, after in links)
    return f"0 of {len(ids)} leases ended early; {len(user.events)} ids rose, link by link"


async def _store_ahead_s(ground: Ground, _: str) -> float:
    seconds, _ = await ground.asked(lambda: ground.broker.redis.call(("TIME",)))
    return int(seconds) - time.time()


async def _worker_ahead_s(ground: Ground, id_: str) -> float:
    """Return it by what the log says of a verdict, which comes there by a way of its own."""
    said: list[str] = []

    def is_logged() -> bool:
        said[:] = [
            each["timestamp"] for each in ground.logged("judged") if each["submission"] == id_
        ]
        return bool(said)

    await ground.until(is_logged, f"{id_} is in the log")
    return datetime.fromisoformat(said[0]).timestamp() - time.time()


@fault(26, "clock of the store jumps", faked("store"))
async def jump_store(ground: Ground) -> str:
    """The embedded store's clock goes an hour ahead, then an hour behind, while programs run."""
    return await jump(ground, (3_600, -3_600, 0), _store_ahead_s)


@fault(27, "clocks of worker and gateway jump", faked("worker", "gateway"))
async def jump_daemons(ground: Ground) -> str:
    """The worker's and the gateway's clocks go a day ahead, then a day behind."""
    seen = await jump(ground, (86_400, -86_400), _worker_ahead_s)
    (gateway,) = await ground.instances("gateway")
    assert gateway["restarts"] == 0
    return seen
