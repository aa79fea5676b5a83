"""What a dead worker leaves behind: popped and never claimed, claimed and never finished."""

from __future__ import annotations

from daemons.broker import Claims
from daemons.config import Worker
from protocol import keys
from protocol.messages import Judgement, Verdict
from tests.daemons.broker.conftest import Desk, with_worker

QUEUE = keys.queue(0, "normal")
#: A grace below zero has always run out, even within the same millisecond.
NO_GRACE_MS = -1
LONG_MS = 3600_000


async def pop(desk: Desk, count: int = 1) -> list[bytes]:
    """Pop hints as a worker would that dies of it."""
    return [await desk.broker.redis.call(("RPOP", QUEUE)) for _ in range(count)]


async def repair(desk: Desk, grace_ms: int = NO_GRACE_MS, limit: int = 100) -> int:
    """Repair the queue and return how many hints were put back."""
    count: int = await desk.broker.script("repair", 0, "normal", grace_ms, limit)
    return count


async def waiting(desk: Desk) -> list[bytes]:
    """Return the hints in the list, the next one first."""
    hints: list[bytes] = await desk.broker.redis.call(("LRANGE", QUEUE, 0, -1))
    return hints[::-1]


async def test_repair_puts_back_what_was_popped_and_never_claimed(desk: Desk) -> None:
    """It is noticed at the first look and put back, next in turn, at the first after the grace."""
    hints = [await desk.hint(await desk.submit()) for _ in range(5)]
    assert await pop(desk, 2) == hints[:2]
    assert await repair(desk) == 0
    assert await repair(desk, LONG_MS) == 0
    assert await waiting(desk) == hints[2:]
    assert await repair(desk) == 2
    assert await waiting(desk) == hints
    assert await desk.kinds() == ["queued"] * 5


async def test_repair_finds_the_last_one(desk: Desk) -> None:
    """An empty list says nothing about what waits: all of the index has been popped."""
    hint = await desk.hint(await desk.submit())
    await pop(desk)
    assert [await repair(desk) for _ in range(2)] == [0, 1]
    assert await pop(desk) == [hint]
    assert await repair(desk) == 1  # popped again, and the clock runs since it was put back
    assert await waiting(desk) == [hint]


async def test_repair_leaves_alone_what_waits_runs_or_is_done(desk: Desk) -> None:
    """Only what is queued and not in the list is put back."""
    waits, runs, done, cancelled = [await desk.submit() for _ in range(4)]
    await pop(desk, 4)
    await desk.broker.redis.call(("RPUSH", QUEUE, await desk.hint(waits)))
    await desk.claim(runs)
    await desk.claims.finish(await desk.claim(done), Judgement(verdict=Verdict.ACCEPTED))
    await desk.broker.cancel(cancelled)
    assert [await repair(desk) for _ in range(3)] == [0, 0, 0]
    assert await waiting(desk) == [await desk.hint(waits)]


async def test_repair_survives_a_clock_that_fell(desk: Desk) -> None:
    """A first look that lies in the server's future says nothing about how long ago it was."""
    id_ = await desk.submit()
    [hint] = await pop(desk)
    assert await repair(desk, LONG_MS) == 0
    fallen_ms = await desk.claims.server_ms() + 2 * LONG_MS
    await desk.broker.redis.call(("HSET", keys.submission(0, id_), "limbo", fallen_ms))
    assert await repair(desk, LONG_MS) == 1
    assert await waiting(desk) == [hint]


async def test_slow_popper_costs_one_stale_hint(desk: Desk) -> None:
    """Who popped and claims late gets it all the same; the hint put back meanwhile is dropped."""
    id_ = await desk.submit()
    [hint] = await pop(desk)
    assert [await repair(desk) for _ in range(2)] == [0, 1]
    assert await desk.claims.claim(0, hint) is not None
    assert await pop(desk) == [hint]
    assert await desk.claims.claim(0, hint) is None
    assert await desk.kinds() == ["queued", "started"]
    assert (await desk.record(id_))[b"attempt"] == b"1"


async def test_repair_goes_on_where_one_look_ends(desk: Desk) -> None:
    """However much was popped, some at a time all of it comes back, in order."""
    hints = [await desk.hint(await desk.submit()) for _ in range(25)]
    await pop(desk, 25)
    put_back = []
    while sum(put_back) < 25:
        put_back.append(await repair(desk, limit=10))
        assert len(put_back) < 50
    assert await waiting(desk) == hints


async def test_repair_is_not_misled_by_a_foreign_hint(desk: Desk) -> None:
    """Junk at the list's end delays the repair until it is popped, and loses nothing."""
    hint = await desk.hint(await desk.submit())
    await pop(desk)
    await desk.broker.redis.call(("RPUSH", QUEUE, "junk"))
    assert [await repair(desk) for _ in range(2)] == [0, 0]
    assert await desk.claims.claim(0, (await pop(desk))[0]) is None
    assert [await repair(desk) for _ in range(2)] == [0, 1]
    assert await waiting(desk) == [hint]


async def test_repair_by_the_configured_grace(desk: Desk) -> None:
    """`Claims.repair` looks through all queues and waits for `[worker] limbo_s`."""
    patient = Claims(with_worker(desk.broker, Worker(limbo_s=3600)), "w3")
    await desk.submit(priority="low")
    await desk.broker.redis.call(("RPOP", keys.queue(0, "low")))
    assert [await patient.repair() for _ in range(2)] == [0, 0]
    assert await desk.broker.redis.call(("LLEN", keys.queue(0, "low"))) == 0


async def test_lease_ends_only_as_it_was_seen(desk: Desk) -> None:
    """A lease whose holder gave a sign of life since one looked is not ended; of two who look, one wins."""
    id_ = await desk.submit()
    claim = await desk.claim(id_, desk.doomed)
    seen = await desk.lease(id_)
    assert await desk.doomed.beat([claim]) == []
    assert await desk.claims.expire(seen) == "no"
    seen = await desk.lease(id_)
    assert await desk.claims.expire(seen) == "requeued"
    assert await desk.claims.expire(seen) == "no"
    assert await desk.claims.beat([claim]) == [claim]
    assert not await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED))
    assert (await desk.kinds()) == ["queued", "started", "requeued"]
