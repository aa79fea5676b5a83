"""`wait_s` says when a submission's turn comes: it is held against what then happens.

The worker here takes exactly one submission each time the test says so: that a slot becomes free
is the tick of its clock, and with `judging_s` and slots known, a tick has a known length.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from protocol.messages import LanguageInfo, WorkerInfo
from tests.daemons.api.conftest import GOOD, Api, Worker

PYTHON = LanguageInfo(id="python", name="Python", version="3", extensions=(".py",))


def living(name: str, slots: int, busy: int, judging_s: float | None) -> WorkerInfo:
    """Return a worker of known speed."""
    return WorkerInfo(
        name=name, slots=slots, busy=busy, grade="full", judging_s=judging_s, languages=(PYTHON,)
    )


async def submit(api: Api, count: int) -> dict[str, float | None]:
    """Submit *count* programs and return what each was told of its wait, by id."""
    answers = [(await api.post(GOOD)).json() for _ in range(count)]
    return {answer["id"]: answer["wait_s"] for answer in answers}


@pytest.mark.parametrize(
    ("workers", "tick_s"),
    [
        pytest.param([living("w1", 1, 1, 2.0)], 2.0, id="one-slot"),
        pytest.param([living("w1", 4, 4, 2.0)], 0.5, id="four-slots"),
        pytest.param([living("w1", 2, 2, 1.0), living("w2", 2, 2, 3.0)], 0.5, id="two-workers"),
    ],
)
async def test_estimate_is_when_the_turn_comes(
    api: Api, worker: Worker, workers: Sequence[WorkerInfo], tick_s: float
) -> None:
    """With all slots busy, each submission's turn comes in the tick that it was told."""
    for each in workers:
        await worker.show_as(each)
    told = await submit(api, 6)

    came = {await worker.judge(): tick * tick_s for tick in range(1, 7)}
    assert told == pytest.approx(came)


async def test_estimate_gets_shorter_as_the_turn_comes_nearer(api: Api, worker: Worker) -> None:
    """Asked again, a submission tells of those that are still before it."""
    await worker.show_as(living("w1", 1, 1, 2.0))
    *_, last = await submit(api, 3)
    seen = []
    for _ in range(3):
        seen.append((await api.get(f"/submissions/{last}")).json()["wait_s"])
        await worker.judge()
    assert seen == [6.0, 4.0, 2.0]
    assert (await api.get(f"/submissions/{last}")).json()["wait_s"] is None


async def test_estimate_is_nothing_where_a_slot_is_free(api: Api, worker: Worker) -> None:
    """Who finds a free slot does not wait; who finds none waits for those behind the slots alone."""
    await worker.show_as(living("w1", 4, 2, 2.0))
    assert list((await submit(api, 3)).values()) == [0.0, 0.0, 0.5]


async def test_estimate_is_null_where_nobody_can_tell(api: Api, worker: Worker) -> None:
    """Without a worker, or before the first verdict of one, nothing is made up."""
    assert list((await submit(api, 1)).values()) == [None]
    await worker.show_as(living("w1", 4, 4, None))
    assert list((await submit(api, 1)).values()) == [None]
