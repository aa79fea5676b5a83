"""Queue elements that come twice, and submissions that bring their worker down."""

from __future__ import annotations

import signal

import trio

from protocol import keys
from tests.faults.fault import Setup, fault
from tests.faults.ground import Ground
from tests.system.conftest import reference

COPIES = 1000
#: Longer than three tries of an innocent one take, and never over by itself within them.
POISON = "import time\ntime.sleep(3600)"
INNOCENTS = 20


@fault(28, "the same element a thousand times")
async def duplicates(ground: Ground) -> str:
    """RPUSH of one submission's `seq|id`, 1,000 times, behind its back."""
    user = ground.user("u1")
    id_ = await ground.submit(user)
    queue, seq = await ground.record(id_, "queue", "seq")
    waiting = keys.queue(0, queue or "normal")
    await ground.broker.redis.call(("RPUSH", waiting, *([f"{seq}|{id_}"] * COPIES)))
    more = [await ground.submit(user) for _ in range(3)]
    await ground.judged(user, [id_, *more])

    async def drained() -> bool:
        return bool(await ground.broker.redis.call(("LLEN", waiting)) == 0)

    took_s = await ground.until(drained, "the copies are dropped")
    assert await ground.record(id_, "attempt") == ["1"]
    return f"one run; {COPIES} copies dropped {took_s:.1f} s after the verdicts"


@fault(29, "two workers get the same element")
async def same_element(ground: Ground) -> str:
    """Each of 50 submissions is pushed twice while both workers wait for one."""
    user = ground.user("u1")
    ids = []
    for _ in range(50):
        id_ = await ground.submit(user, "print(1)")
        queue, seq = await ground.record(id_, "queue", "seq")
        await ground.broker.redis.call(("RPUSH", keys.queue(0, queue or "normal"), f"{seq}|{id_}"))
        ids.append(id_)
    await ground.judged(user, ids)
    attempts = {(await ground.record(id_, "attempt"))[0] for id_ in ids}
    assert attempts == {"1"}
    assert all(ground.told(user, id_).count("started") == 1 for id_ in ids)
    return "50 of 50 claimed once"


@fault(30, "a submission that kills its worker", Setup(worker="\nprocesses = 2\nslots = 2"))
async def poison(ground: Ground) -> str:
    """SIGKILL of whichever worker holds one submission, as often as it is tried, 20 others beside it."""
    guilty, user = ground.user("guilty"), ground.user("u1")
    good = reference("two-sum", "accepted", ".py")
    id_ = await ground.submit(guilty, POISON)
    killed = 0
    innocents: list[str] = []
    for try_ in range(3):

        async def again(wanted: int = try_ + 1) -> bool:
            status, tries = await ground.record(id_, "status", "tries")
            return status in ("compiling", "running") and int(tries) == wanted

        innocents += [await ground.submit(user, good) for _ in range(INNOCENTS // 3 + 1)]
        await ground.until(again, f"try {try_ + 1}")
        ground.send(await ground.worker_of(id_), signal.SIGKILL, "worker")
        killed += 1
    await ground.judged(guilty, [id_])
    await ground.judged(user, innocents)
    assert await ground.record(id_, "status", "verdict") == ["done", "internal_error"]
    dead = await ground.broker.redis.call(("ZRANGE", keys.dead(0), 0, -1))
    assert [each.decode() for each in dead] == [id_]
    verdicts = {(await ground.record(each, "verdict"))[0] for each in innocents}
    assert verdicts == {"accepted"}
    await trio.lowlevel.checkpoint()
    return f"{killed} tries, then internal_error and dead; {len(innocents)} innocents accepted"
