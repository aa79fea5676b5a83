"""A long queue, and many idle sockets beside it."""

from __future__ import annotations

from contextlib import AsyncExitStack

import trio

from protocol.messages import SubmissionRequest
from tests.faults.clients import gateway, raw_peer
from tests.faults.fault import fault
from tests.faults.ground import Ground

#: The list's 100,000 and 10,000 take more than a CI's time; they are measured by `make bench`
#: (deep-submit, deep-claim, deep-sweep) and `make endurance`.
QUEUED = 3000
SOCKETS = 1000
#: Of the queue, judged to the end; the rest is cancelled.
JUDGED = 200


@fault(38, "a long queue and many sockets", gateway())
async def deep(ground: Ground) -> str:
    """3,000 submissions are queued while the worker judges 200, beside 1,000 idle sockets."""
    user = ground.user("u1")
    first = [await ground.submit(user, "print(1)") for _ in range(JUDGED)]
    rest: list[str] = []

    async def fill(share: int) -> None:
        for _ in range(QUEUED // 8):
            request = SubmissionRequest(
                problem_id="two-sum", user_id=f"crowd{share}", language="python", code="print(1)"
            )
            rest.append((await ground.broker.submit(request)).submission.id)

    async with AsyncExitStack() as stack:
        for number in range(SOCKETS):
            await stack.enter_async_context(raw_peer(ground, f"idle{number}"))
        async with trio.open_nursery() as nursery:
            for share in range(8):
                nursery.start_soon(fill, share)
        took: list[float] = []
        last = [await ground.submit(user, "print(1)") for _ in range(3)]
        for _ in range(100):
            begun = trio.current_time()
            assert (await ground.http.get(f"/submissions/{first[0]}")).status_code == 200
            took.append(trio.current_time() - begun)
        drained_s = await ground.judged(user, first)
        for id_ in [*rest, *last]:
            await ground.broker.cancel(id_)
        await ground.judged(user, last)
    requeued = [each for each in user.events.values() if each["type"] == "submission.requeued"]
    assert not requeued
    attempts = {(await ground.record(id_, "attempt"))[0] for id_ in first}
    assert attempts == {"1"}
    p99 = sorted(took)[98]
    return f"{QUEUED} queued, {SOCKETS} sockets: API p99 {p99 * 1000:.0f} ms; {drained_s:.0f} s; 0 pushed again"
