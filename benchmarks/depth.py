"""What the queue's scripts cost with 100,000 submissions waiting, beside ten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

from benchmarks.measure import Comparison, Effort, benchmark, durations, ratio_at_most
from benchmarks.store import open_store
from daemons.broker import Broker, Claim, Claims, Intake, open_broker, open_intake
from protocol.messages import Judgement, SubmissionRequest, Verdict

_DEEP, _SHALLOW = 100_000, 10
_FILLERS = 64
_REQUEST = SubmissionRequest(
    problem_id="two-sum", user_id="bench", language="python", code="print(1)\n" * 40
)
_RESULT = Judgement(verdict=Verdict.ACCEPTED, tests_passed=1, tests_total=1)


class Queue(NamedTuple):
    """One store with so many submissions waiting, and a worker's view of it."""

    broker: Broker
    claims: Claims
    intake: Intake

    async def submit(self) -> None:
        """Put one more in."""
        await self.broker.submit(_REQUEST)

    async def take(self) -> Claim:
        """Pop and claim the oldest."""
        popped = await self.intake.pop(suspects=False)
        assert popped is not None
        claim = await self.claims.claim(popped.partition, popped.element)
        assert claim is not None
        return claim

    async def cycle(self) -> None:
        """Take the oldest, finish it, and put a new one in: the depth stays."""
        await self.claims.finish(await self.take(), _RESULT)
        await self.submit()

    async def sweep(self) -> None:
        """Look for lost leases and lost hints, as every worker does each second."""
        await self.claims.leases()
        await self.claims.repair()


@asynccontextmanager
async def _open_queue(depth: int) -> AsyncIterator[Queue]:
    async with open_store() as config, open_broker(config, name="bench") as broker:
        await _fill(broker, depth)
        async with open_intake(broker, name="bench-intake") as intake:
            yield Queue(broker, Claims(broker, "bench"), intake)


async def _fill(broker: Broker, depth: int) -> None:
    """Queue *depth* submissions of users who have a few each; nothing waits for the disk here."""
    await broker.redis.call(("CONFIG", "SET", "appendfsync", "no"))

    async def fill(first: int) -> None:
        for number in range(first, depth, _FILLERS):
            await broker.submit(
                SubmissionRequest(
                    problem_id="two-sum",
                    user_id=f"user-{number % 5000}",
                    language="python",
                    code=_REQUEST.code,
                )
            )

    async with trio.open_nursery() as nursery:
        for first in range(_FILLERS):
            nursery.start_soon(fill, first)
    await broker.redis.call(("CONFIG", "SET", "appendfsync", "always"))


async def _compare(effort: Effort, step: Callable[[Queue], Awaitable[None]]) -> Comparison:
    async with _open_queue(_DEEP) as deep, _open_queue(_SHALLOW) as shallow:
        return await durations(lambda: step(deep), lambda: step(shallow), effort.rounds)


@benchmark(
    "deep-submit",
    ours=f"submit with {_DEEP:,} queued",
    bare=f"submit with {_SHALLOW} queued",
    target=ratio_at_most(1.2),
)
async def deep_submit(effort: Effort) -> Comparison:
    """Two stores of their own, taking turns; every submit waits for the disk."""
    return await _compare(effort, Queue.submit)


@benchmark(
    "deep-claim",
    ours=f"pop, claim, finish and submit with {_DEEP:,} queued",
    bare=f"the same with {_SHALLOW} queued",
    target=ratio_at_most(1.2),
)
async def deep_claim(effort: Effort) -> Comparison:
    """Two stores of their own, taking turns; the depth stays what it is."""
    return await _compare(effort, Queue.cycle)


@benchmark(
    "deep-sweep",
    ours=f"a worker's sweep with {_DEEP:,} queued",
    bare=f"the same with {_SHALLOW} queued",
    target=ratio_at_most(1.2),
)
async def deep_sweep(effort: Effort) -> Comparison:
    """Two stores of their own, taking turns: all leases, and the repair of all queues."""
    return await _compare(effort, Queue.sweep)
