"""A long queue, and many idle sockets beside it."""

from __future__ import annotations

from contextlib import AsyncExitStack

import trio

from protocol import keys
from protocol.messages import SubmissionRequest
from tests.faults.clients import gateway, raw_peer
from tests.faults.fault import TooLate, fault
from tests.faults.ground import Ground

#: The list's 100,000 and 10,000 take more than a CI's time; they are measured by `make bench`
#: (deep-submit, deep-claim, deep-sweep) and `make endurance`.
QUEUED = 10_000
#: Whose they are: nobody may have more than a thousand that are unfinished.
USERS = 16
SOCKETS = 1000
#: Of the queue, judged to the end; the rest is cancelled.
JUDGED = 200


@fault(38, "a long queue and many sockets", gateway(alone=True))
async def deep(ground: Ground) -> str:
    """10,000 submissions are queued while the worker judges 200, beside 1,000 idle sockets."""
    user = ground.user("u1")
    first = [await ground.submit(user, "print(1)") for _ in range(JUDGED)]
    rest: list[str] = []

    async def fill(share: int) -> None:
        for _ in range(QUEUED // USERS):
            request = SubmissionRequest(
                problem_id="two-sum", user_id=f"crowd{share}", language="python", code="print(1)",
                priority="low",
            )  # fmt: skip
            rest.append((await ground.broker.submit(request)).submission.id)

    async with AsyncExitStack() as stack:
        for number in range(SOCKETS):
            await stack.enter_async_context(raw_peer(ground, f"idle{number}"))
        async with trio.open_nursery() as nursery:
            for share in range(USERS):
                nursery.start_soon(fill, share)
        took: list[float] = []
        last = [await ground.submit(user, "print(1)") for _ in range(3)]
        for _ in range(100):
            begun = trio.current_time()
            assert (await ground.http.get(f"/submissions/{first[0]}")).status_code == 200
            took.append(trio.current_time() - begun)
        drained_s = await ground.judged(user, first)
        scan_s = await quickest_scan(ground)
        async with trio.open_nursery() as nursery:
            for share in range(USERS):
                nursery.start_soon(take_back, ground, rest[share::USERS])
        await ground.broker.redis.call(("DEL", keys.queue(0, "low")))
        await ground.judged(user, last)
    if "popped and never claimed" in ground.log():
        raise TooLate("put back though nobody had died: a claim took longer than `limbo_s`")
    if scan_s >= 0.005:
        raise TooLate(f"the look for what was popped and not claimed takes {scan_s * 1000:.1f} ms")
    requeued = [each for each in user.events.values() if each["type"] == "submission.requeued"]
    assert not requeued
    attempts = {(await ground.record(id_, "attempt"))[0] for id_ in first}
    assert attempts == {"1"}
    took.sort()
    return (
        f"{QUEUED} queued, {SOCKETS} sockets: API p50 {took[50] * 1000:.0f} and p99"
        f" {took[98] * 1000:.0f} ms while {JUDGED} are judged ({drained_s:.0f} s); scan"
        f" {scan_s * 1000:.1f} ms (bound 5), 0 pushed again"
    )


async def quickest_scan(ground: Ground) -> float:
    """Return the seconds of the look for what was popped and never claimed, the quickest of 20."""
    found = []
    for _ in range(20):
        begun = trio.current_time()
        await ground.broker.script("repair", 0, "low", 60_000, 100)
        found.append(trio.current_time() - begun)
    return min(found)


async def take_back(ground: Ground, ids: list[str]) -> None:
    """Cancel *ids*, one after the other."""
    for id_ in ids:
        await ground.broker.cancel(id_)
