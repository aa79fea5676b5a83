"""What a worker does with the queue: every arrow of the life cycle, poison, junk, and who hears."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import trio
from redis.exceptions import ResponseError

from daemons.broker import Claim, Claims, open_event_hub
from daemons.broker import Step as Told
from daemons.config import Worker
from protocol import keys, lifecycle
from protocol.errors import InvalidInput
from protocol.lifecycle import TABLE, Step
from protocol.messages import (
    EventType,
    Judgement,
    LanguageInfo,
    Status,
    Submission,
    SubmissionRequest,
    Verdict,
    WorkerInfo,
)
from tests.daemons.broker.conftest import Desk, with_worker

COMPILED = Told(EventType.COMPILED, b'"time_s":0.5,"tests_total":2')
TEST = Told(EventType.TEST, b'"index":1')


async def bring(desk: Desk, state: Status, user_id: str) -> Claim:
    """Bring a new submission to *state*; return the claim that held it, or one that never did."""
    id_ = await desk.submit(user_id)
    if state is Status.QUEUED:
        request = SubmissionRequest(problem_id="p", user_id=user_id, language="c", code="x")
        return Claim(id_, 0, "0" * 16, 1, request)
    claim = await desk.claim(id_, desk.doomed)
    if state is not Status.COMPILING:
        assert await desk.claims.progress(claim, (), 0, [COMPILED])
    if state is Status.DONE:
        assert await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED), 1)
    if state is Status.CANCELLED:
        assert (await desk.broker.cancel(id_)) is not None
    assert await desk.status(id_) is state
    return claim


async def take(desk: Desk, claim: Claim, step: Step) -> None:
    """Ask for *step*; whether it is granted is not ours to say."""
    id_ = claim.submission_id
    told = int((await desk.record(id_)).get(b"told", 0))
    asks: dict[Step, Callable[[], Awaitable[Any]]] = {
        Step.COMPILED: lambda: desk.claims.progress(claim, (), told, [COMPILED]),
        Step.PROGRESS: lambda: desk.claims.progress(claim, (), told, [TEST]),
        Step.FINISH: lambda: desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED), told),
        Step.RELEASE: lambda: desk.claims.release(claim),
        Step.GIVE_UP: lambda: desk.strict.fail(claim),
        Step.CANCEL: lambda: desk.broker.cancel(id_),
        Step.REJUDGE: lambda: desk.broker.rejudge(id_),
    }
    if step is Step.CLAIM:
        await desk.claims.claim(0, await desk.hint(id_))
    elif step is Step.EXPIRE:
        await desk.claims.expire(await desk.lease(id_))
    else:
        with suppress(ResponseError):  # tests before the compilation are our own mistake
            await asks[step]()


@pytest.mark.parametrize("state", Status)
async def test_scripts_follow_the_table_of_the_life_cycle(desk: Desk, state: Status) -> None:
    """Every arrow leads where the table says; what the table has not, changes nothing at all."""
    for step in Step:
        user_id = f"{state}-{step}"
        claim = await bring(desk, state, user_id)
        before = await desk.record(claim.submission_id), await desk.kinds(user_id)
        await take(desk, claim, step)
        after = await desk.record(claim.submission_id), await desk.kinds(user_id)
        if (state, step) in TABLE:
            assert await desk.status(claim.submission_id) is lifecycle.after(state, step)
            assert len(after[1]) == len(before[1]) + 1
        else:
            assert after == before


async def test_thousand_duplicates_of_a_hint_make_one_claim(desk: Desk) -> None:
    """However many hints point to a submission and whoever pops them, one of them is served."""
    id_ = await desk.submit()
    hint = await desk.hint(id_)
    name = keys.queue(0, "normal")
    await desk.broker.redis.call(("LPUSH", name, *[hint] * 999))
    claimed: list[Claim] = []

    async def work(claims: Claims) -> None:
        while (popped := await desk.broker.redis.call(("RPOP", name))) is not None:
            if (claim := await claims.claim(0, popped)) is not None:
                claimed.append(claim)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(work, Claims(desk.broker, f"w{number}"))
    assert [claim.submission_id for claim in claimed] == [id_]
    assert await desk.kinds() == ["queued", "started"]
    assert (await desk.history())[-1]["attempt"] == 1


async def test_poison_is_tried_in_turn_then_alone_then_given_up(desk: Desk) -> None:
    """What kills its worker thrice ends in the dead letters, with one internal_error for its user.

    The second time it comes back in turn, the third time as a suspect that runs alone.
    """
    other = await desk.submit("u2")
    id_ = await desk.submit()
    async with (
        open_event_hub(desk.broker.config, name="hub") as hub,
        hub.listen(keys.DONE_CHANNEL) as done,
    ):
        fates = []
        for attempt in (1, 2, 3):
            claim = await desk.claim(id_, desk.doomed)
            assert claim.attempt == attempt
            fates.append(await desk.claims.expire(await desk.lease(id_)))
            if attempt == 1:  # next in turn: before the one that came first
                assert await desk.broker.redis.call(
                    ("LINDEX", keys.queue(0, "normal"), -1)
                ) == await desk.hint(id_)
            if attempt == 2:
                suspects = await desk.broker.redis.call(("LRANGE", keys.queue(0, "suspect"), 0, -1))
                assert suspects == [await desk.hint(id_)]
        verdict = json.loads(await done.receive())
        assert not await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED))
        await desk.claims.finish(await desk.claim(other), Judgement(verdict=Verdict.ACCEPTED))
        assert json.loads(await done.receive())["submissionId"] == other
    assert fates == ["requeued", "suspect", "dead"]
    assert verdict == {
        "problemId": "p",
        "userId": "u1",
        "submissionId": id_,
        "status": "internal_error",
    }
    again = ["started", "requeued"]
    assert await desk.kinds() == ["queued", *again, *again, "started", "judged"]
    events = await desk.history()
    assert [event["reason"] for event in events if "reason" in event] == ["worker_lost"] * 2
    assert (events[-1]["verdict"], events[-1]["attempt"]) == ("internal_error", 3)
    submission = await desk.broker.get(id_)
    assert submission is not None
    assert (submission.status, submission.verdict) == (Status.DONE, Verdict.INTERNAL_ERROR)
    assert (await desk.broker.queue_status()) == (0, 0, 1)


async def test_dead_letter_is_judged_once_more_on_request(desk: Desk) -> None:
    """A dead letter keeps its program; rejudged, it starts with all tries and its history kept."""
    id_ = await desk.submit()
    for _ in range(3):
        await desk.claims.fail(await desk.claim(id_))
    answer = await desk.broker.rejudge(id_)
    assert answer is not None
    assert (answer[0].status, answer[0].verdict, answer[1]) == (Status.QUEUED, None, True)
    [kept] = answer[0].history
    assert (kept.generation, kept.attempt) == (1, 3)
    assert (kept.status, kept.verdict) == (Status.DONE, Verdict.INTERNAL_ERROR)
    assert (await desk.broker.queue_status()) == (1, 0, 0)
    claim = await desk.claim(id_)
    assert (claim.attempt, claim.request.code) == (4, "x")
    assert await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED))
    assert (await desk.kinds())[-3:] == ["queued", "started", "judged"]


async def test_rejudging_keeps_what_was_found_before(desk: Desk) -> None:
    """Each earlier result stays readable, the oldest first; of very many the last twenty."""
    id_ = await desk.submit()
    shown: list[Submission] = []
    for number in range(23):
        judgement = Judgement(
            verdict=Verdict.WRONG_ANSWER, score=number + 0.5, tests_passed=number, tests_total=50,
            time_s=0.25, memory_bytes=4096, compile_output="seen once",
        )  # fmt: skip
        claim = await desk.claim(id_)
        assert await desk.claims.finish(claim, judgement)
        submission = await desk.broker.get(id_)
        assert submission is not None
        shown.append(submission)
        rejudged = await desk.broker.rejudge(id_)
        assert rejudged is not None
        assert rejudged[1]
    assert (await desk.broker.cancel(id_)) is not None
    assert (await desk.broker.rejudge(id_)) is not None
    submission = await desk.broker.get(id_)
    assert submission is not None
    *judged, cancelled = submission.history
    assert [each.generation for each in judged] == list(range(5, 24))
    for each, then in zip(judged, shown[4:], strict=True):
        found, expected = msgspec.structs.asdict(each), msgspec.structs.asdict(then)
        assert found == {"generation": each.generation} | {
            name: expected[name] for name in found if name != "generation"
        }
    assert (cancelled.status, cancelled.verdict, cancelled.attempt) == (Status.CANCELLED, None, 23)
    assert len(await desk.broker.redis.call(("KEYS", "result:*"))) == 20
    await desk.broker.cancel(id_)
    assert await desk.claims.forget(0) == 1
    assert await desk.broker.redis.call(("KEYS", f"*{id_}*")) == []


async def test_rejudged_suspect_waits_where_it_was_sent(desk: Desk) -> None:
    """What was submitted with low priority and became a suspect is of low priority again."""
    id_ = await desk.submit(priority="low")
    for _ in range(3):
        await desk.claims.fail(await desk.claim(id_))
    assert (await desk.broker.rejudge(id_)) is not None
    waiting = await desk.broker.redis.call(("LRANGE", keys.queue(0, "low"), 0, -1))
    assert (await desk.hint(id_)) in waiting


async def test_drained_submission_is_next_in_turn_and_pays_nothing(desk: Desk) -> None:
    """A release puts it before all that wait, however often, and is no try."""
    id_ = await desk.submit()
    await desk.submit("u2")
    for attempt in range(1, 6):
        claim = await desk.claim(id_)
        assert claim.attempt == attempt
        assert await desk.claims.release(claim)
        assert not await desk.claims.release(claim)
    name = keys.queue(0, "normal")
    assert await desk.broker.redis.call(("LINDEX", name, -1)) == await desk.hint(id_)
    assert (await desk.record(id_))[b"tries"] == b"0"
    assert {event["reason"] for event in await desk.history() if "reason" in event} == {"released"}
    submission = await desk.broker.get(id_)
    assert submission is not None
    assert (submission.position, submission.started_at) == (1, None)


JUNK = (b"", b"junk", b"1|", b"|", b"1|nobody", b"-1|" + b"0" * 26, b"\xff\xfe|x", b"9" * 100)


@pytest.mark.parametrize("junk", JUNK)
async def test_claim_puts_junk_aside(desk: Desk, junk: bytes) -> None:
    """What is no hint goes to the rejected entries with the reason, byte for byte."""
    assert await desk.claims.claim(0, junk) is None
    [entry] = await desk.broker.redis.call(("LRANGE", keys.REJECTED_LIST, 0, -1))
    kept = json.loads(entry)
    assert "seq|id" in kept["reason"]
    assert kept["worker"] == "w1"
    assert isinstance(kept["entry"], dict) == (junk == b"\xff\xfe|x")


async def test_claim_drops_a_hint_to_nothing(desk: Desk) -> None:
    """A well-formed hint to what is not there, or not waiting under this number, is dropped."""
    id_ = await desk.submit()
    assert await desk.claims.claim(0, b"1|" + b"0" * 26) is None
    assert await desk.claims.claim(0, b"999|" + id_.encode()) is None
    assert await desk.status(id_) is Status.QUEUED
    assert await desk.broker.redis.call(("EXISTS", keys.REJECTED_LIST)) == 0


async def test_claim_gives_back_a_request_that_it_cannot_read(desk: Desk) -> None:
    """A request of another version is left to other workers; when none can read it, it ends."""
    id_ = await desk.submit()
    await desk.broker.redis.call(
        ("HSET", keys.submission(0, id_), "payload", '{"shape":"of the future"}')
    )
    for _ in range(3):
        with pytest.raises(InvalidInput):
            await desk.claims.claim(0, await desk.hint(id_))
    assert (await desk.kinds())[-2:] == ["started", "judged"]
    assert (await desk.broker.queue_status()) == (0, 0, 1)


async def test_beat_tells_who_is_fenced(desk: Desk) -> None:
    """A heartbeat prolongs what is held and names what is not any more."""
    ids = [await desk.submit() for _ in range(4)]
    claims = [await desk.claim(id_, desk.doomed) for id_ in ids]
    await desk.broker.cancel(ids[1])
    await desk.claims.release(claims[2])
    await desk.claim(ids[2])  # somebody else's now
    before = {lease.submission_id: lease for lease in await desk.claims.leases()}
    assert await desk.claims.beat(claims) == claims[1:3]
    assert await desk.claims.beat([]) == []
    after = {lease.submission_id: lease for lease in await desk.claims.leases()}
    assert before.keys() == after.keys() == {ids[0], ids[2], ids[3]}
    assert before[ids[2]] == after[ids[2]]
    for id_ in (ids[0], ids[3]):
        assert before[id_].beat < after[id_].beat


async def test_subscriber_hears_exactly_the_history(desk: Desk) -> None:
    """What is published equals what is kept, byte for byte, in order, each once."""
    async with (
        open_event_hub(desk.broker.config, name="hub") as hub,
        hub.subscribe("u1") as feed,
    ):
        id_ = await desk.submit()
        claim = await desk.claim(id_)
        await desk.claims.progress(claim, (), 0, [COMPILED, TEST])
        await desk.claims.progress(claim, (), 0, [COMPILED, TEST, TEST])  # a lost reply
        await desk.claims.release(claim)
        claim = await desk.claim(id_)
        await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED), 0, [COMPILED])
        await desk.claims.finish(claim, Judgement(verdict=Verdict.ACCEPTED), 0, [COMPILED])
        await desk.broker.cancel(id_)  # too late
        await desk.submit()
        kept = (await desk.broker.replay("u1", None)).events
        heard = [await feed.receive() for _ in kept]
    assert heard == kept
    assert await desk.kinds() == [
        *("queued", "started", "compiled", "test", "test", "requeued"),
        *("started", "compiled", "judged", "queued"),
    ]


async def test_cancel_of_a_running_one_is_told_to_the_workers(desk: Desk) -> None:
    """Workers hear which claim they should stop; of what only waits they hear nothing."""
    async with (
        open_event_hub(desk.broker.config, name="hub") as hub,
        hub.listen(keys.control(0)) as control,
    ):
        waits, runs = await desk.submit(), await desk.submit()
        claim = await desk.claim(runs)
        for id_ in (waits, runs, runs):
            await desk.broker.cancel(id_)
        assert (await control.receive()).decode() == f"{runs}|{claim.token}"
    assert await desk.kinds() == ["queued", "queued", "started", "cancelled", "cancelled"]
    assert await desk.claims.claim(0, await desk.hint(waits)) is None


async def test_workers_are_listed_while_they_show_themselves(desk: Desk) -> None:
    """A worker is listed from its first sign of life until it hides or falls silent."""
    python = LanguageInfo(id="python", name="Python", version="3", extensions=(".py",))
    info = WorkerInfo(name="w1", slots=2, busy=1, grade="full", languages=(python,))
    brief = Claims(with_worker(desk.broker, Worker(beat_s=0.01)), "w0")
    now = await desk.claims.server_ms()
    await desk.claims.show(info, now)
    await brief.show(msgspec.structs.replace(info, name="w0"), now)
    while len(await desk.broker.workers()) > 1:  # noqa: ASYNC110  # a key that expires sets no event
        await trio.sleep(0.005)
    assert await desk.broker.workers() == [info]
    await desk.claims.hide()
    assert await desk.broker.workers() == []
