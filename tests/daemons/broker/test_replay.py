"""A user's events again: what is missing and why, and never more at once than asked for."""

from __future__ import annotations

import json

import pytest

from protocol import keys
from protocol.messages import Judgement, Verdict
from tests.daemons.broker.conftest import Desk

MONTH_MS = 30 * 86_400_000


async def test_replay_is_no_larger_than_asked_for(desk: Desk) -> None:
    """A long history comes in pieces that fit, each of one event at least, and none is missing."""
    for _ in range(3):
        id_ = await desk.submit()
        judgement = Judgement(verdict=Verdict.COMPILE_ERROR, compile_output="x" * 5000)
        await desk.claims.finish(await desk.claim(id_), judgement)
    for _ in range(120):
        await desk.submit()
    everything = await desk.broker.replay("u1", None)
    assert everything.whole
    assert len(everything.events) == 129
    for max_bytes in (1, 4000, 6000, 20000, 10**6):
        after, pieces = 0, []
        while True:
            replay = await desk.broker.replay("u1", after, max_bytes)
            assert replay.recovered
            assert sum(map(len, replay.events)) <= max_bytes or len(replay.events) == 1
            pieces += replay.events
            if replay.whole:
                break
            after = json.loads(replay.events[-1])["id"]
        assert pieces == everything.events


@pytest.mark.parametrize(
    ("age_ms", "reason"),
    [(1000, "fork"), (MONTH_MS - 60_000, "fork"), (MONTH_MS + 1000, "trimmed")],
)
async def test_absence_for_longer_than_anything_is_kept_is_no_fork(
    desk: Desk, age_ms: int, reason: str
) -> None:
    """After 30 days not even the newest id is kept, so nothing tells of lost writes."""
    after = await desk.claims.server_ms() - age_ms
    gone = await desk.broker.replay("u1", after)
    assert (gone.recovered, gone.reason) == (False, reason)
    await desk.submit()
    begun_anew = await desk.broker.replay("u1", after)
    assert (begun_anew.recovered, begun_anew.reason) == (False, reason)
    assert len(begun_anew.events) == 1


async def test_replay_tells_trimmed_from_forked(desk: Desk) -> None:
    """A history that begins later was trimmed; a link that is broken elsewhere tells of a loss."""
    for _ in range(4):
        await desk.submit()
    ids = [event["id"] for event in await desk.history()]
    stream = keys.events(0, "u1")
    await desk.broker.redis.call(("XDEL", stream, f"{ids[0]}-0", f"{ids[1]}-0"))
    for after, reason in ((ids[0], "trimmed"), (ids[1], None), (ids[2], None), (ids[3], None)):
        replay = await desk.broker.replay("u1", after)
        assert (replay.recovered, replay.reason) == (reason is None, reason)
    assert (await desk.broker.replay("u1", ids[3] + 1)).reason == "fork"
