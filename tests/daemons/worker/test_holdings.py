"""The self-fence: a run that no heartbeat confirms ends before its lease does."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from daemons.broker import Claim
from daemons.worker.holdings import Holdings
from protocol.messages import SubmissionRequest

LEASE_S = 15.0
FENCE_S = 13.0
REQUEST = SubmissionRequest(problem_id="p", user_id="u1", language="c", code="x")


def claim_of(id_: str = "a", token: str = "t") -> Claim:
    """Return a claim."""
    return Claim(id_, 0, token, 1, REQUEST)


async def test_hold_ends_before_the_lease_without_a_heartbeat(autojump_clock: Any) -> None:
    """The deadline counts from when the claim was asked for, not from when the answer came."""
    holdings = Holdings(LEASE_S)
    since = trio.current_time()
    await trio.sleep(2)
    with holdings.hold(claim_of(), since) as held:
        assert len(holdings) == 1
        await trio.sleep_forever()
    assert held.scope.cancelled_caught
    assert (held.why, trio.current_time() - since) == ("", FENCE_S)
    assert len(holdings) == 0


async def test_hold_lives_as_long_as_heartbeats_get_through(autojump_clock: Any) -> None:
    """Each good heartbeat moves the deadline to a fence after it was sent; none moves it back."""
    holdings = Holdings(LEASE_S)
    with holdings.hold(claim_of(), trio.current_time()) as held:
        for _ in range(10):
            sent = trio.current_time()
            await trio.sleep(5)
            holdings.confirm(claim_of(), sent)
        holdings.confirm(claim_of(), sent - 9)
        await trio.sleep_forever()
    assert held.scope.cancelled_caught
    assert trio.current_time() - sent == FENCE_S


async def test_heartbeat_for_another_claim_confirms_nothing(autojump_clock: Any) -> None:
    """A late word about an earlier claim of the same submission is about that one alone."""
    holdings = Holdings(LEASE_S)
    start = trio.current_time()
    with holdings.hold(claim_of(token="new"), start) as held:
        await trio.sleep(5)
        holdings.confirm(claim_of(token="old"), trio.current_time())
        holdings.confirm(claim_of("b", "new"), trio.current_time())
        holdings.drop("a", "fenced", token="old")
        await trio.sleep_forever()
    assert (held.why, trio.current_time() - start) == ("", FENCE_S)


async def test_settled_claim_has_no_deadline(autojump_clock: Any) -> None:
    """When nothing runs any more the result may be delivered late; a drop still ends that."""
    holdings = Holdings(LEASE_S)
    with holdings.hold(claim_of(), trio.current_time()) as held:
        held.settle()
        await trio.sleep(100 * LEASE_S)
        holdings.confirm(claim_of(), trio.current_time())
        await trio.sleep(100 * LEASE_S)
        holdings.drop("a", "cancelled")
        await trio.sleep_forever()
    assert (held.scope.cancelled_caught, held.why) == (True, "cancelled")


async def test_fence_stops_what_runs_under_that_claim() -> None:
    """A claim that is fulfilled, or another's, is left alone: a heartbeat may cross the verdict."""
    holdings = Holdings(LEASE_S)
    assert not holdings.fence(claim_of())
    with holdings.hold(claim_of(), trio.current_time()) as held:
        assert not holdings.fence(claim_of(token="old"))
        held.settle()
        assert not holdings.fence(claim_of())
        await trio.lowlevel.checkpoint()
    with holdings.hold(claim_of(), trio.current_time()) as held:
        assert holdings.fence(claim_of())
        await trio.sleep_forever()
    assert held.why == "fenced"


@pytest.mark.parametrize("first", ["fenced", "cancelled", "drain"])
async def test_drop_ends_one_or_all_and_the_first_reason_stays(first: str) -> None:
    """What is dropped is cancelled at once; a second drop does not change why."""
    holdings = Holdings(LEASE_S)
    ended: list[str] = []

    async def judge(id_: str) -> None:
        with holdings.hold(claim_of(id_), trio.current_time()) as held:
            await trio.sleep_forever()
        ended.append(f"{id_} {held.why}")

    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            for id_ in "abc":
                nursery.start_soon(judge, id_)
            await trio.testing.wait_all_tasks_blocked()
            assert {claim.submission_id for claim in holdings.claims()} == {"a", "b", "c"}
            holdings.drop("b", first)
            holdings.drop("b", "second")
            holdings.drop("nobody", first)
            await trio.testing.wait_all_tasks_blocked()
            assert ended == [f"b {first}"]
            holdings.drop_all("drain")
    assert sorted(ended) == ["a drain", f"b {first}", "c drain"]
    assert holdings.claims() == []
