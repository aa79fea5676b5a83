"""What may enter the queue, how often, in which order it leaves, and what is told of it."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
import trio

from daemons.broker import (
    Broker,
    IdempotencyMismatch,
    QueueFull,
    TooManyOpen,
    open_broker,
    open_intake,
)
from daemons.config import Limits, Store
from protocol import keys
from protocol.messages import Judgement, SourceFile, Status, SubmissionRequest, Verdict
from tests.daemons.broker.conftest import REQUEST, Desk

PATIENCE_S = 120.0


def limited(broker: Broker, **limits: int) -> Broker:
    """Give *broker* other limits."""
    broker.config = msgspec.structs.replace(broker.config, limits=Limits(**limits))
    return broker


async def test_submission_waits_with_all_it_came_with(desk: Desk) -> None:
    """What is answered is what is stored; the request comes back to the worker unchanged."""
    request = SubmissionRequest(
        problem_id="sum",
        user_id="a.b+c@d_e-f",
        language="c",
        files=(
            SourceFile(name="a.c", content='\x00\\"\ud7ff🦀'),
            SourceFile(name="b.h", content=""),
        ),
        entry="a.c",
        priority="low",
    )
    accepted = await desk.broker.submit(request)
    submission = accepted.submission
    assert (submission.status, submission.position, submission.attempt) == (Status.QUEUED, 1, 0)
    assert (submission.problem_id, submission.user_id) == ("sum", "a.b+c@d_e-f")
    assert await desk.broker.get(submission.id) == submission
    assert (await desk.claim(submission.id)).request == request


async def test_idempotency_key_makes_a_repeated_request_the_same_submission(desk: Desk) -> None:
    """Same key and body: the same submission, at whatever stage it is by then."""
    first = await desk.broker.submit(REQUEST, idempotency_key="k")
    claim = await desk.claim(first.submission.id)
    await desk.claims.finish(claim, Judgement(verdict=Verdict.WRONG_ANSWER))
    again = await desk.broker.submit(REQUEST, idempotency_key="k")
    assert (first.created, again.created) == (True, False)
    assert again.submission.id == first.submission.id
    assert again.submission.verdict is Verdict.WRONG_ANSWER
    assert await desk.kinds(REQUEST.user_id) == ["queued", "started", "judged"]


async def test_idempotency_key_belongs_to_one_user_and_one_body(desk: Desk) -> None:
    """Another body under the same key is an error; another user's key is another key."""
    first = await desk.broker.submit(REQUEST, idempotency_key="k")
    for change in ({"code": "other"}, {"priority": "low"}, {"language": "c"}):
        with pytest.raises(IdempotencyMismatch):
            await desk.broker.submit(
                msgspec.structs.replace(REQUEST, **change), idempotency_key="k"
            )
    other = msgspec.structs.replace(REQUEST, user_id="u2")
    assert (await desk.broker.submit(other, idempotency_key="k")).created
    assert (await desk.broker.submit(REQUEST, idempotency_key="k2")).created
    assert (await desk.broker.submit(REQUEST)).created
    assert (await desk.broker.queue_status()).depth == 4
    # Nothing in the store can be made of the key's own characters.
    assert (await desk.broker.submit(REQUEST, idempotency_key="}:*\r\n\x00" * 99)).created
    assert not (await desk.broker.submit(REQUEST, idempotency_key="k")).created
    assert (await desk.broker.get(first.submission.id)) is not None


async def test_idempotency_key_holds_against_requests_at_once(desk: Desk) -> None:
    """Fifty equal requests at once are one submission."""
    found: list[tuple[str, bool]] = []

    async def submit() -> None:
        accepted = await desk.broker.submit(REQUEST, idempotency_key="k")
        found.append((accepted.submission.id, accepted.created))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(submit)
    assert len({id_ for id_, _ in found}) == 1
    assert Counter(created for _, created in found) == {True: 1, False: 49}


async def test_idempotency_key_is_forgotten_after_a_day(desk: Desk) -> None:
    """The key lives for 24 hours and no longer; then the store is rid of it."""
    await desk.broker.submit(REQUEST, idempotency_key="k")
    [name] = await desk.broker.redis.call(("KEYS", "idem:*"))
    assert 86400 - 60 < await desk.broker.redis.call(("TTL", name)) <= 86400


async def test_queue_takes_no_more_than_its_depth(desk: Desk) -> None:
    """At the cap the next one is refused and nothing of it is left; a claim makes room."""
    broker = limited(desk.broker, queue_depth=3)
    ids = [await desk.submit(f"u{number}", priority="low") for number in range(3)]
    before = await broker.redis.call(("DBSIZE",))
    for _ in range(2):
        with pytest.raises(QueueFull):
            await desk.submit("late")
    assert await broker.redis.call(("DBSIZE",)) == before
    await desk.claim(ids[0])
    await desk.submit("late")
    with pytest.raises(QueueFull):
        await desk.submit("later")
    assert (await broker.queue_status()) == (3, 1, 0)


async def test_user_has_no_more_open_than_his_cap(desk: Desk) -> None:
    """A user's waiting and running ones count until they end, however they end; only his count."""
    limited(desk.broker, open_per_user=2)
    ids = [await desk.submit(), await desk.submit()]
    await desk.submit("u2")
    claim = await desk.claim(ids[0])
    with pytest.raises(TooManyOpen):
        await desk.submit()
    await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED))
    ids.append(await desk.submit())
    with pytest.raises(TooManyOpen):
        await desk.submit()
    await desk.broker.cancel(ids[1])
    await desk.strict.fail(await desk.claim(ids[2]))
    assert await desk.submit()
    assert await desk.submit()
    with pytest.raises(TooManyOpen):
        await desk.submit()


async def test_rejudging_keeps_to_the_caps(desk: Desk) -> None:
    """What is judged again waits and is open like a new one, so the caps refuse it likewise."""
    id_ = await desk.submit()
    await desk.claims.finish(await desk.claim(id_), Judgement(verdict=Verdict.ACCEPTED))
    await desk.submit()
    for limits, refusal in (({"open_per_user": 1}, TooManyOpen), ({"queue_depth": 1}, QueueFull)):
        limited(desk.broker, **limits)
        before = await desk.record(id_)
        with pytest.raises(refusal):
            await desk.broker.rejudge(id_)
        assert await desk.record(id_) == before
    limited(desk.broker, open_per_user=2, queue_depth=2)
    assert (await desk.broker.rejudge(id_)) is not None


async def test_depth_of_all_partitions_is_capped(store: Any) -> None:
    """No script sees two partitions: each takes its share, so that all together keep to the cap."""
    config = store.config(store=Store(url=store.url, partitions=4), limits=Limits(queue_depth=10))
    refused = 0
    with trio.fail_after(PATIENCE_S):
        async with open_broker(config, name="test") as broker:
            for number in range(40):
                try:
                    await broker.submit(msgspec.structs.replace(REQUEST, user_id=f"u{number}"))
                except QueueFull:
                    refused += 1
            depth = (await broker.queue_status()).depth
    assert 10 <= depth <= 12
    assert depth + refused == 40


async def test_known_idempotency_key_is_answered_at_the_cap(desk: Desk) -> None:
    """A repeated request is no new submission, so no cap refuses it."""
    limited(desk.broker, queue_depth=1)
    first = await desk.broker.submit(REQUEST, idempotency_key="k")
    again = await desk.broker.submit(REQUEST, idempotency_key="k")
    assert (again.submission.id, again.created) == (first.submission.id, False)


async def test_queue_is_first_come_first_served(store: Any) -> None:
    """Within a queue, submissions leave in the order in which they came."""
    with trio.fail_after(PATIENCE_S):
        async with (
            open_broker(store.config(), name="test") as broker,
            open_intake(broker, name="intake") as intake,
        ):
            ids = [(await broker.submit(REQUEST)).submission.id for _ in range(30)]
            left = [await intake.pop(suspects=False) for _ in ids]
    assert [popped.element.decode().partition("|")[2] for popped in left if popped] == ids


async def test_priorities_are_kept_and_none_starves(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Normal ones mostly leave before low ones, yet low ones leave while normal ones wait."""
    monkeypatch.setattr("daemons.broker.intake.random", random.Random(7))
    order: list[str] = []
    with trio.fail_after(PATIENCE_S):
        async with (
            open_broker(store.config(), name="test") as broker,
            open_intake(broker, name="intake") as intake,
        ):
            for priority in ("low", "normal"):
                request = msgspec.structs.replace(REQUEST, priority=priority)
                for _ in range(100):
                    await broker.submit(request)
            for _ in range(200):
                popped = await intake.pop(suspects=False)
                assert popped is not None
                order.append(str(popped.queue))
    first = Counter(order[:100])
    assert 60 <= first["normal"] <= 90
    assert first["low"] >= 10
    assert Counter(order) == {"normal": 100, "low": 100}


async def test_suspects_leave_only_when_they_are_welcome(store: Any) -> None:
    """What may kill its worker is popped by one that judges nothing else, and by no other."""
    with trio.fail_after(PATIENCE_S):
        async with (
            open_broker(store.config(), name="test") as broker,
            open_intake(broker, name="intake") as intake,
        ):
            await broker.redis.call(("LPUSH", keys.queue(0, "suspect"), "1|x"))
            assert await intake.pop(suspects=False) is None
            popped = await intake.pop(suspects=True)
            assert popped == (0, "suspect", b"1|x")


async def test_partitions_keep_to_themselves(store: Any) -> None:
    """With several partitions every user's keys lie in his own, and all are popped and counted."""
    config = store.config(store=Store(url=store.url, partitions=4))
    users = [f"user{number}" for number in range(12)]
    with trio.fail_after(PATIENCE_S):
        async with (
            open_broker(config, name="test") as broker,
            open_intake(broker, name="intake") as intake,
        ):
            for user_id in users:
                await broker.submit(msgspec.structs.replace(REQUEST, user_id=user_id))
            assert (await broker.queue_status()).depth == len(users)
            partitions = Counter(broker.partition_of_user(user_id) for user_id in users)
            assert len(partitions) == 4
            popped = [await intake.pop(suspects=False) for _ in users]
            assert Counter(one.partition for one in popped if one) == partitions
            for name in await broker.redis.call(("KEYS", "*")):
                user_id = name.decode().rpartition(":")[2]
                if user_id in users:
                    assert f"{{{broker.partition_of_user(user_id)}}}" in name.decode()


async def test_retention_deletes_what_is_old_and_nothing_else(desk: Desk) -> None:
    """A finished submission goes with all its keys; what is young or not finished stays."""
    old, open_, dead = [await desk.submit() for _ in range(3)]
    await desk.claims.finish(await desk.claim(old), Judgement(verdict=Verdict.ACCEPTED))
    await desk.broker.rejudge(old)
    await desk.claims.finish(await desk.claim(old), Judgement(verdict=Verdict.ACCEPTED))
    await desk.strict.fail(await desk.claim(dead))
    assert await desk.claims.forget(3600_000) == 0
    assert await desk.claims.forget(0) == 2
    assert await desk.claims.forget(0) == 0
    for id_ in (old, dead):
        assert await desk.broker.get(id_) is None
        assert await desk.broker.redis.call(("KEYS", f"*{id_}*")) == []
    submissions, _ = await desk.broker.history("u1", 10)
    assert [submission.id for submission in submissions] == [open_]
    assert (await desk.broker.queue_status()) == (1, 0, 0)
    assert (await desk.kinds())[-2:] == ["started", "judged"]
