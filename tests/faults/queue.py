"""Queue elements that come twice, and submissions that bring their worker down."""

from __future__ import annotations

from protocol import keys
from tests.faults.fault import MISBEHAVE, Setup, fault
from tests.faults.ground import QUICK, Ground
from tests.system.conftest import reference

COPIES = 1000
#: So often it may take its worker along; see misbehave/sitecustomize.py for how it does.
TRIES = 3
POISON = "import time  # poison\ntime.sleep(3600)"
INNOCENTS = 21


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
        return not await ground.asked(lambda: ground.broker.redis.call(("LLEN", waiting)))

    took_s = await ground.until(drained, "the copies are dropped")
    await ground.check_attempts([id_], 1)
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
    await ground.check_attempts(ids, 1)
    assert all(ground.told(user, id_).count("started") == 1 for id_ in ids)
    return "50 of 50 claimed once"


@fault(
    30, "a submission that kills its worker",
    Setup(
        worker="\nprocesses = 2\nslots = 2",
        more=QUICK + f"[supervisor.worker]\nenvironment = {{ {MISBEHAVE}, GAVEL_MISBEHAVE = 'poison' }}\n",
    ),
)  # fmt: skip
async def poison(ground: Ground) -> str:
    """A worker gets SIGKILL, from itself, as soon as it runs one submission; 21 others beside it."""
    guilty, user = ground.user("guilty"), ground.user("u1")
    good = reference("two-sum", "accepted", ".py")
    id_ = await ground.submit(guilty, POISON)
    innocents: list[str] = []
    for try_ in range(1, TRIES + 1):

        async def tried(wanted: int = try_) -> bool:
            return int((await ground.record(id_, "tries"))[0] or 0) >= wanted

        innocents += [await ground.submit(user, good) for _ in range(INNOCENTS // TRIES)]
        await ground.until(tried, f"try {try_}")
    ground.expected["worker"] += TRIES
    await ground.judged(guilty, [id_])
    await ground.judged(user, innocents)
    await ground.check_attempts([id_], TRIES)
    found = await ground.record(id_, "status", "verdict", "tries")
    assert found == ["done", "internal_error", str(TRIES)]
    assert ground.told(guilty, id_).count("judged") == 1
    dead = await ground.broker.redis.call(("ZRANGE", keys.dead(0), 0, -1))
    assert [each.decode() for each in dead] == [id_]
    verdicts = {(await ground.record(each, "verdict"))[0] for each in innocents}
    assert verdicts == {"accepted"}
    return f"{TRIES} tries, then internal_error and dead; {len(innocents)} innocents accepted"
