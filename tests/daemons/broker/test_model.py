"""The scripts against a model: any order of any calls, repeated and stale ones among them.

After each step the whole store is compared with the model: every key, list and event, no other.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.exceptions import ResponseError

from daemons.broker import Broker, Claim, Claims, Lease, open_broker
from daemons.broker import (
    Step as Told,
)
from daemons.config import Limits, Store, Worker
from protocol import keys
from protocol.lifecycle import FINAL, TABLE, Step
from protocol.messages import EventType, Judgement, Status, SubmissionRequest, Verdict
from tests.daemons.broker.conftest import with_worker
from tests.daemons.broker.model import (
    DEPTH,
    OPEN,
    PARTITIONS,
    TRIES,
    USERS,
    Entry,
    Model,
    check_store,
    dump,
    show_all,
)

Hint = tuple[int, bytes]


#: How long ago what a rule concerns was made: the newer the likelier.
RECENT = st.integers(0, 12)


def pick(things: list[Any], which: int) -> Any:
    """Return one of *things*, the last one for 0."""
    return things[-1 - which % len(things)]


class Machine(RuleBasedStateMachine):
    """Everything that anybody may ask of the scripts, whenever."""

    def __init__(self, broker: Broker, arrows: set[tuple[Status, Step]]) -> None:
        super().__init__()
        self.broker = broker
        #: By whether it lives, or died when it had claimed.
        patient = with_worker(broker, Worker(tries=TRIES))
        self.workers = {True: Claims(patient, "lives"), False: Claims(patient, "died")}
        self.model = Model(arrows=arrows)
        self.submissions: list[str] = []
        self.hints: list[Hint] = []
        self.claims: list[Claim] = []
        trio.from_thread.run(broker.redis.call, ("FLUSHALL",))

    def run(self, function: Any, *args: Any) -> Any:
        """Call an async function in the test's own loop."""
        return trio.from_thread.run(partial(function, *args))

    @rule(
        user=st.sampled_from(USERS),
        priority=st.sampled_from(["normal", "low"]),
        key=st.sampled_from([None, None, None, "k"]),
        code=st.sampled_from("ab"),
    )
    def submit(self, user: str, priority: Any, key: str | None, code: str) -> None:
        request = SubmissionRequest(
            problem_id="p", user_id=user, language="c", code=code, priority=priority
        )
        body = code + priority
        entry = Entry("", user, priority, 0)
        ask = partial(self.broker.submit, request, idempotency_key=key)
        if refusal := self.model.refusal(entry, key, body):
            with pytest.raises(refusal):
                self.run(ask)
            return
        known = self.model.idempotent.get((user, key)) if key else None
        if known and known[0] not in self.model.entries:
            return  # the janitor keeps submissions for longer than keys
        accepted = self.run(ask)
        if known:
            assert (accepted.created, accepted.submission.id) == (False, known[0])
            return
        assert accepted.created
        entry.id = accepted.submission.id
        self.model.enqueue(entry)
        self.model.entries[entry.id] = entry
        if key:
            self.model.idempotent[user, key] = (entry.id, body)
        self.model.tell(entry, "queued")
        assert accepted.submission == self.run(self.broker.get, entry.id)
        # The reply was lost: the same call once more finds it there.
        same = (entry.id, user, priority, "c", "p", "{}", "", "", 60, DEPTH, OPEN)
        again = self.run(self.broker.script, "submit", entry.partition, *same)
        assert again == [b"existing", entry.id.encode()]
        self.submissions.append(entry.id)

    @initialize(count=st.integers(1, 4), priority=st.sampled_from(["normal", "low"]))
    def begin(self, count: int, priority: str) -> None:
        for user in (USERS[0], *USERS)[:count]:
            self.submit(user, priority, None, "a")

    @precondition(lambda self: any(self.model.lists.values()))
    @rule(which=st.integers(0, 9))
    def pop(self, which: int) -> None:
        filled = [where for where, wait in self.model.lists.items() if wait]
        partition, queue = pick(filled, which)
        hint = self.run(self.broker.redis.call, ("RPOP", keys.queue(partition, queue)))
        assert hint == self.model.lists[partition, queue].pop()
        self.hints.append((partition, hint))

    @precondition(lambda self: any(self.model.lists.values()))
    @rule(which=st.integers(0, 9), lives=st.booleans())
    def take(self, which: int, lives: bool) -> None:
        self.pop(which)
        self.claim(0, lives)

    @precondition(lambda self: self.hints)
    @rule(which=RECENT, lives=st.booleans())
    def claim(self, which: int, lives: bool) -> None:
        partition, element = pick(self.hints, which)
        entry = self.model.entries.get(element.decode().partition("|")[2])
        worker = self.workers[lives]
        claim = self.run(worker.claim, partition, element)
        fresh = entry is not None and entry.hint == element
        if entry is None or not fresh or not self.model.go(entry, Step.CLAIM):
            assert claim is None
            return
        entry.attempt += 1
        entry.tries += 1
        entry.token, entry.alive, entry.told, entry.limbo = claim.token, lives, 0, False
        self.model.tell(entry, "started")
        assert (claim.submission_id, claim.attempt) == (entry.id, entry.attempt)
        # The reply was lost: the same call once more takes the same claim.
        args = (entry.id, str(entry.seq), claim.token, "again")
        again = self.run(self.broker.script, "claim", partition, *args)
        assert again[:2] == [b"claimed", entry.attempt]
        self.claims.append(claim)

    @precondition(lambda self: any(self.model.lists.values()))
    @rule(which=st.integers(0, 9), tests=st.integers(0, 3))
    def begin_judging(self, which: int, tests: int) -> None:
        self.take(which, lives=True)
        if self.claims:
            self.compiled(0, again=False)
            self.progress(0, tests + 1, 0, again=True)

    @precondition(lambda self: any(self.model.lists.values()))
    @rule(
        which=st.integers(0, 9),
        times=st.integers(1, TRIES),
        repaired=st.booleans(),
        compiled=st.booleans(),
    )
    def kill_workers(self, which: int, times: int, repaired: bool, compiled: bool) -> None:
        for _ in range(times):
            if any(self.model.lists.values()):
                self.pop(which)
                if repaired:
                    partition = self.hints[-1][0]
                    for queue in keys.QUEUES:
                        self.repair(partition, queue)
                        self.repair(partition, queue)
                self.claim(0, lives=False)
                if compiled and self.claims:
                    self.compiled(0, again=False)
                self.expire(stale=False)

    @precondition(lambda self: self.claims)
    @rule(which=RECENT, again=st.booleans())
    def compiled(self, which: int, again: bool) -> None:
        claim = pick(self.claims, which)
        entry = self.model.holder(claim)
        steps = [Told(EventType.COMPILED, b'"time_s":0.1,"tests_total":3')]
        ask = partial(self.workers[True].progress, claim, ("tests_total", 3), 0, steps)
        for _ in range(1 + again):
            assert self.run(ask) == (entry is not None)
        if entry is not None and entry.told == 0:
            assert self.model.go(entry, Step.COMPILED)
            entry.told = 1
            self.model.tell(entry, "compiled")

    @precondition(lambda self: self.claims)
    @rule(which=RECENT, count=st.integers(1, 3), overlap=st.integers(0, 2), again=st.booleans())
    def progress(self, which: int, count: int, overlap: int, again: bool) -> None:
        claim = pick(self.claims, which)
        entry = self.model.holder(claim)
        told = entry.told if entry else 1
        first = max(1, told - overlap) if told else 0
        steps = [Told(EventType.TEST, b'"index":1')] * count
        ask = partial(self.workers[True].progress, claim, ("tests_passed", 1), first, steps)
        if entry is not None and entry.status is Status.COMPILING:
            with pytest.raises(ResponseError, match="first step"):
                self.run(ask)
            return
        for _ in range(1 + again):
            assert self.run(ask) == (entry is not None)
        if entry is not None:
            assert self.model.go(entry, Step.PROGRESS)
            for _ in range(max(0, first + count - told)):
                self.model.tell(entry, "test")
            entry.told = max(told, first + count)

    @precondition(lambda self: self.claims)
    @rule(which=RECENT, again=st.booleans(), verdict=st.sampled_from(Verdict))
    def finish(self, which: int, again: bool, verdict: Verdict) -> None:
        claim = pick(self.claims, which)
        entry = self.model.holder(claim)
        known = self.model.entries.get(claim.submission_id)
        repeated = known and known.status is Status.DONE and known.done_by == claim.token
        ask = partial(
            self.workers[True].finish,
            claim,
            Judgement(verdict=verdict, tests_passed=1, tests_total=3),
            entry.told if entry else 0,
        )
        for _ in range(1 + again):
            assert self.run(ask) == (entry is not None or bool(repeated))
        if entry is not None:
            assert self.model.go(entry, Step.FINISH)
            entry.done_by = claim.token
            self.model.tell(entry, "judged")

    @precondition(lambda self: self.claims)
    @rule(which=RECENT)
    def release(self, which: int) -> None:
        claim = pick(self.claims, which)
        entry = self.model.holder(claim)
        assert self.run(self.workers[True].release, claim) == (entry is not None)
        if entry is not None:
            assert self.model.go(entry, Step.RELEASE)
            entry.tries -= 1
            entry.token = ""
            self.model.requeue(entry)
            self.model.tell(entry, "requeued")

    @precondition(lambda self: self.claims)
    @rule(which=RECENT)
    def fail(self, which: int) -> None:
        claim = pick(self.claims, which)
        entry = self.model.holder(claim)
        answer = self.run(self.workers[True].fail, claim)
        assert answer == (self.model.take_back(entry) if entry else "fenced")

    @rule(count=st.integers(0, 5))
    def beat(self, count: int) -> None:
        some = self.claims[-count:] if count else []
        fenced = self.run(self.workers[True].beat, some)
        assert set(fenced) == {claim for claim in some if self.model.holder(claim) is None}
        for claim in some:
            if entry := self.model.holder(claim):
                entry.alive = True

    @rule(stale=st.booleans())
    def expire(self, stale: bool) -> None:
        seen = self.run(self.workers[True].leases)
        alive = {entry.token for entry in self.model.entries.values() if entry.alive or stale}
        self.run(self.workers[True].beat, [claim for claim in self.claims if claim.token in alive])
        for lease in seen:
            entry = self.model.entries[lease.submission_id]
            answer = self.run(self.workers[True].expire, lease)
            assert answer == ("no" if entry.token in alive else self.model.take_back(entry))
        for entry in self.model.entries.values():
            if not entry.token:
                assert (
                    self.run(self.workers[True].expire, Lease(entry.partition, entry.id, 1)) == "no"
                )

    @precondition(lambda self: self.submissions)
    @rule(which=RECENT)
    def cancel(self, which: int) -> None:
        id_ = pick(self.submissions, which)
        answer = self.run(self.broker.cancel, id_)
        entry = self.model.entries.get(id_)
        if entry is None:
            assert answer is None
            return
        moved = self.model.go(entry, Step.CANCEL)
        assert (answer[0].status, answer[1]) == (entry.status, moved)
        if moved:
            self.model.tell(entry, "cancelled")

    @precondition(lambda self: self.submissions)
    @rule(which=RECENT)
    def rejudge(self, which: int) -> None:
        id_ = pick(self.submissions, which)
        entry = self.model.entries.get(id_)
        full = entry and entry.status in FINAL and self.model.refusal(entry, None, "")
        if full:
            with pytest.raises(full):
                self.run(self.broker.rejudge, id_)
            return
        answer = self.run(self.broker.rejudge, id_)
        if entry is None:
            assert answer is None
            return
        moved = self.model.go(entry, Step.REJUDGE)
        assert (answer[0].status, answer[1]) == (entry.status, moved)
        if moved:
            entry.gen += 1
            entry.tries, entry.dead, entry.limbo = 0, False, False
            entry.queue = entry.priority
            self.model.enqueue(entry)
            self.model.tell(entry, "queued")

    @rule(partition=st.integers(0, PARTITIONS - 1), queue=st.sampled_from(keys.QUEUES))
    def repair(self, partition: int, queue: str) -> None:
        # A grace below zero has always run out, even within the same millisecond.
        count = self.run(self.broker.script, "repair", partition, queue, -1, 100)
        wait = self.model.lists.setdefault((partition, queue), [])
        oldest = int(wait[-1].partition(b"|")[0]) if wait else None
        popped = [
            e
            for e in self.model.waiting(partition)
            if e.queue == queue and (oldest is None or e.seq < oldest)
        ]
        assert count == sum(e.limbo for e in popped)
        for entry in sorted(popped, key=lambda e: -e.seq):
            if entry.limbo:
                wait.append(entry.hint)
            entry.limbo = True

    @rule(old=st.booleans())
    def forget(self, old: bool) -> None:
        count = self.run(self.workers[True].forget, 0 if old else 3600_000)
        gone = [e.id for e in self.model.entries.values() if old and e.status in FINAL]
        assert count == len(gone)
        for id_ in gone:
            del self.model.entries[id_]

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        check_store(self.model, self.run(dump, self.broker))

    @invariant()
    def positions_are_those_of_the_queue(self) -> None:
        found = self.run(show_all, self.broker, list(self.model.entries))
        for entry, submission in zip(self.model.entries.values(), found, strict=True):
            before = [
                e
                for e in self.model.waiting(entry.partition)
                if e.queue == entry.queue and e.seq <= entry.seq
            ]
            queued = entry.status is Status.QUEUED
            assert submission.position == (len(before) if queued else None)


@pytest.fixture
async def broker(store: Any) -> Any:
    """Give a broker on a store that need not be durable."""
    config = store.config(
        store=Store(url=store.url, partitions=PARTITIONS, durability="memory"),
        limits=Limits(queue_depth=DEPTH * PARTITIONS, open_per_user=OPEN),
    )
    async with open_broker(config, name="model") as opened:
        await opened.redis.call(("CONFIG", "SET", "appendfsync", "no"))
        yield opened


async def test_scripts_follow_the_model_in_any_order(broker: Broker) -> None:
    """Whatever is asked in whatever order, again and too late: the store is as the model says."""
    arrows: set[tuple[Status, Step]] = set()
    run = partial(
        run_state_machine_as_test,
        partial(Machine, broker, arrows),
        settings=settings(
            max_examples=80,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with trio.fail_after(300):
        await trio.to_thread.run_sync(run)
    assert arrows == set(TABLE)
