"""Steps are told while the judging goes on: in order, each once, whatever the store does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from daemons.broker import Broker, Claim, Claims, Step, StoreUnavailable, open_broker
from daemons.worker.reporter import Reporter
from protocol import keys
from protocol.messages import EventType, Judgement, SubmissionRequest, Verdict

PATIENCE_S = 120.0
REQUEST = SubmissionRequest(problem_id="p", user_id="u1", language="c", code="x")
COMPILED = Step(EventType.COMPILED, b'"time_s":0.5,"tests_total":9')
TESTS = 6
EXPECTED = ["queued", "started", "compiled", *["test"] * TESTS, "judged"]


def step_of(index: int) -> Step:
    """Return the step of test number *index*."""
    return Step(EventType.TEST, b'"index":%d' % index)


class LossyClaims(Claims):
    """A store whose replies to `progress` get lost, all but every third."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, "w1")
        self.calls = 0

    async def progress(self, *args: Any) -> bool:
        """Do it, and lose the reply."""
        self.calls += 1
        done = await super().progress(*args)
        if self.calls % 3:
            raise StoreUnavailable("the reply was lost")
        return done


class CountingClaims(Claims):
    """Counts the calls that tell steps."""

    calls = 0

    async def progress(self, *args: Any) -> bool:
        """Do it."""
        self.calls += 1
        return await super().progress(*args)


class Bench:
    """A claimed submission and its reporter."""

    def __init__(self, broker: Broker, claims: Claims, claim: Claim, gather_s: float) -> None:
        self.broker = broker
        self.claims = claims
        self.claim = claim
        self.fenced = trio.Event()
        self.reporter = Reporter(claims, claim, self.fenced.set, gather_s)

    def tell(self, index: int) -> None:
        """Tell one step; 0 is the compilation."""
        if index == 0:
            self.reporter.tell(("tests_total", 9), COMPILED)
        else:
            self.reporter.tell(("tests_passed", index), step_of(index))

    async def finish(self) -> None:
        """Deliver the verdict and all that was not sent."""
        judgement = Judgement(verdict=Verdict.ACCEPTED)
        assert await self.claims.finish(self.claim, judgement, *self.reporter.unsent)

    async def check(self) -> None:
        """Check that the user was told everything once, in order."""
        events = [json.loads(raw) for raw in (await self.broker.replay("u1", None)).events]
        mine = [e for e in events if e["submission_id"] == self.claim.submission_id]
        assert [e["type"].removeprefix("submission.") for e in mine] == EXPECTED
        assert [e["index"] for e in mine if "index" in e] == list(range(1, TESTS + 1))

    async def kinds(self) -> int:
        """Return how many events there are of this submission."""
        events = (await self.broker.replay("u1", None)).events
        return sum(self.claim.submission_id.encode() in raw for raw in events)


@asynccontextmanager
async def open_bench(
    broker: Broker, claims: Claims | None = None, gather_s: float = 0.0
) -> AsyncIterator[Bench]:
    """Submit and claim something."""
    claims = claims or Claims(broker, "w1")
    await broker.submit(REQUEST)
    claim = await claims.claim(0, await broker.redis.call(("RPOP", keys.queue(0, "normal"))))
    assert claim is not None
    yield Bench(broker, claims, claim, gather_s)


@pytest.fixture
async def broker(store: Any) -> AsyncIterator[Broker]:
    """Give a broker on a store of its own."""
    with trio.fail_after(PATIENCE_S):
        async with open_broker(store.config(), name="bench") as broker:
            yield broker


async def test_reporter_tells_each_step_as_it_comes(broker: Broker) -> None:
    """A step is told before the next one is there; at the end nothing is left to tell."""
    async with open_bench(broker) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(bench.reporter.run)
        for index in range(TESTS + 1):
            bench.tell(index)
            while await bench.kinds() < 3 + index:
                await trio.lowlevel.checkpoint()
        submission = await broker.get(bench.claim.submission_id)
        assert submission is not None
        assert (submission.tests_passed, submission.tests_total) == (TESTS, 9)
        nursery.cancel_scope.cancel()
    assert bench.reporter.unsent == (TESTS + 1, [])
    await bench.finish()
    await bench.check()


async def test_reporter_leaves_what_it_did_not_send_to_the_verdict(broker: Broker) -> None:
    """Cancelled at any moment: the verdict brings what was not told, and nothing for the second time."""
    for pause in range(25):
        async with open_bench(broker) as bench:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bench.reporter.run)
                for index in range(TESTS + 1):
                    bench.tell(index)
                    for _ in range(pause):
                        await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await bench.finish()
            await bench.finish()
            await bench.check()


async def test_reporter_tells_what_gathered_at_once(broker: Broker) -> None:
    """Steps that come one upon the other cost one call of the store, and a fast verdict none."""
    counting = CountingClaims(broker, "w1")
    for patient, told in ((False, 1), (True, 0)):
        gather_s = PATIENCE_S if patient else 0.05
        async with open_bench(broker, counting, gather_s) as bench, trio.open_nursery() as nursery:
            nursery.start_soon(bench.reporter.run)
            await trio.testing.wait_all_tasks_blocked()
            counting.calls = 0
            for index in range(TESTS + 1):
                bench.tell(index)
            while not patient and await bench.kinds() < 3 + TESTS:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert counting.calls == told
        await bench.finish()
        await bench.check()


async def test_reporter_tells_nothing_twice_when_replies_are_lost(broker: Broker) -> None:
    """A call whose reply was lost is made again, with more steps by then, and tells only those."""
    lossy = LossyClaims(broker)
    async with open_bench(broker, lossy) as bench:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.reporter.run)
            for index in range(TESTS + 1):
                calls = lossy.calls
                bench.tell(index)
                while lossy.calls == calls:  # noqa: ASYNC110  # the retry is on its own clock
                    await trio.sleep(0.005)
            nursery.cancel_scope.cancel()
        await bench.finish()
        await bench.check()


async def test_reporter_waits_for_a_store_that_is_away(broker: Broker, store: Any) -> None:
    """What happens while the store is away is told when it is back."""
    async with open_bench(broker) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(bench.reporter.run)
        bench.tell(0)
        while await bench.kinds() < 3:
            await trio.lowlevel.checkpoint()
        store.kill()
        for index in range(1, TESTS + 1):
            bench.tell(index)
        with pytest.raises(StoreUnavailable):
            await broker.ping()
        store.start()
        while bench.reporter.unsent[1]:  # noqa: ASYNC110  # the retry is on its own clock
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    await bench.finish()
    await bench.check()


async def test_reporter_says_when_the_claim_is_lost(broker: Broker) -> None:
    """The first step that the store refuses ends the judging."""
    async with open_bench(broker) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(bench.reporter.run)
        await broker.cancel(bench.claim.submission_id)
        bench.tell(0)
        await bench.fenced.wait()
        nursery.cancel_scope.cancel()
    assert await bench.kinds() == 3  # queued, started, cancelled
