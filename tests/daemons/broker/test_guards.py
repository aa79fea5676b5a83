"""Each guard of library.lua keeps something out, and with it taken out that gets through.

The server is given the library without one line; the daemons call it by the same names, so nothing
else differs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
import trio

from daemons.broker import Step as Told
from daemons.broker import library, open_broker
from daemons.config import Worker
from protocol import keys
from protocol.messages import EventType, Judgement, Verdict
from tests.daemons.broker.conftest import PATIENCE_S, REQUEST, Desk, with_worker

ACCEPTED = Judgement(verdict=Verdict.ACCEPTED)
COMPILED = Told(EventType.COMPILED, b'"time_s":0.5,"tests_total":2')
TEST = Told(EventType.TEST, b'"index":1')


async def late_finish(desk: Desk) -> bool:
    """A worker whose lease is over finishes after the one that took its place."""
    id_ = await desk.submit()
    late = await desk.claim(id_, desk.doomed)
    await desk.claims.expire(await desk.lease(id_))
    await desk.claims.finish(await desk.claim(id_), ACCEPTED, 0)
    await desk.doomed.finish(late, ACCEPTED, 0)
    return (await desk.kinds()).count("judged") > 1


async def repeated_step(desk: Desk) -> bool:
    """A worker that missed the reply tells the same step again."""
    claim = await desk.claim(await desk.submit())
    await desk.claims.progress(claim, (), 0, [COMPILED])
    for _ in range(2):
        await desk.claims.progress(claim, (), 1, [TEST])
    return (await desk.kinds()).count("test") > 1


async def repeated_finish(desk: Desk) -> bool:
    """A worker that missed the reply to its verdict is told that it had lost its claim."""
    claim = await desk.claim(await desk.submit())
    for _ in range(2):
        taken = await desk.claims.finish(claim, ACCEPTED, 0)
    return not taken


async def stale_hint(desk: Desk) -> bool:
    """A hint from before the submission went to another queue is still good for a claim."""
    id_ = await desk.submit()
    return await desk.claims.claim(0, b"0|" + id_.encode()) is not None


async def unjust_end(desk: Desk) -> bool:
    """Somebody ends the lease of a worker that has given a sign of life since he looked."""
    id_ = await desk.submit()
    claim = await desk.claim(id_)
    seen = await desk.lease(id_)
    await desk.claims.beat([claim])
    await desk.claims.expire(seen)
    return bool(await desk.claims.beat([claim]))


async def impatient_repair(desk: Desk) -> bool:
    """What a living worker has just popped is put back before it can claim it."""
    await desk.submit()
    waiting = keys.queue(0, "normal")
    await desk.broker.redis.call(("RPOP", waiting))
    # The first look only sees that it is gone.
    return any([await desk.claims.repair() for _ in range(2)])


async def adopted_twice(desk: Desk) -> bool:
    """Two workers that look at the same foreign entry both submit it."""
    await desk.broker.redis.call(("LPUSH", keys.ADOPTION_LIST, b"entry"))
    for _ in range(2):
        await desk.broker.adopt(b"entry", REQUEST)
    return (await desk.kinds(REQUEST.user_id)).count("queued") > 1


class Guard(NamedTuple):
    """A piece of library.lua, what stands in its place when it is off, and what it keeps out."""

    code: str
    off: str
    attack: Callable[[Desk], Awaitable[bool]]


GUARDS = (
    Guard("return token ~= shown", "return false", late_finish),
    Guard("if number >= told then", "if true then", repeated_step),
    Guard("if s[5] == 'done' and s[4] == a[2] then", "if false then", repeated_finish),
    Guard("if s[1] ~= 'queued' or s[2] ~= a[2] then", "if s[1] ~= 'queued' then", stale_hint),
    Guard("or tonumber(beat_number) ~= tonumber(a[2]) then", "then", unjust_end),
    Guard("or ms - since > grace or", "or true or", impatient_repair),
    Guard("LINDEX', FOREIGN, -1) == entry", "LINDEX', FOREIGN, -1) ~= 0", adopted_twice),
)


@pytest.fixture
async def desk(store: Any) -> AsyncIterator[Desk]:
    """Give a desk on the embedded store, on which nobody is impatient but the attack."""
    with trio.fail_after(2 * PATIENCE_S):
        async with open_broker(store.config(), name="desk") as broker:
            yield Desk(with_worker(broker, Worker(limbo_s=3600)))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.attack.__name__)
async def test_guard_keeps_out_what_gets_through_without_it(desk: Desk, guard: Guard) -> None:
    """The attack fails, and with this one guard off it works."""
    assert not await guard.attack(desk)

    assert library._FUNCTIONS.count(guard.code) == 1
    sabotaged = library._FUNCTIONS.replace(guard.code, guard.off)
    await desk.broker.redis.call(("FLUSHALL",))
    await desk.broker.redis.call(("FUNCTION", "LOAD", "REPLACE", sabotaged))
    assert await guard.attack(desk)
