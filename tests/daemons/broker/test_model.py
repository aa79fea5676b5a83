"""The scripts against a model: any order of any calls, repeated and stale ones among them.

The model is plain Python after `protocol.lifecycle.TABLE`. After each step the whole store is read
and compared with it: every key, every list, every event, and nothing besides.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
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

from daemons.broker import (
    Broker,
    Claim,
    Claims,
    IdempotencyMismatch,
    Lease,
    QueueFull,
    TooManyOpen,
    open_broker,
)
from daemons.broker import (
    Step as Told,
)
from daemons.config import Limits, Store, Worker
from protocol import keys, lifecycle
from protocol.errors import LocalProtocolError
from protocol.lifecycle import FINAL, TABLE, Step
from protocol.messages import EventType, Judgement, Status, Submission, SubmissionRequest, Verdict
from tests.daemons.broker.conftest import with_worker

USERS = ("ann", "bob", "cy")
PARTITIONS = 2
DEPTH = 5
OPEN = 3
TRIES = 3
#: Leases of a worker that lives, and of one that died when it had claimed.
LIVES = Worker(lease_s=3600.0, beat_s=1.0, tries=TRIES)
DIED = Worker(lease_s=1e-4, beat_s=1e-5, tries=TRIES)

Hint = tuple[int, bytes]


@dataclass
class Entry:
    """What the model knows of one submission."""

    id: str
    user: str
    queue: str
    seq: int
    status: Status = Status.QUEUED
    gen: int = 1
    attempt: int = 0
    tries: int = 0
    token: str = ""
    done_by: str = ""
    told: int = 0
    alive: bool = True
    limbo: bool = False
    dead: bool = False

    @property
    def partition(self) -> int:
        return keys.partition_of_user(self.user, PARTITIONS)

    @property
    def hint(self) -> bytes:
        return f"{self.seq}|{self.id}".encode()


@dataclass
class Model:
    """What the store should hold."""

    entries: dict[str, Entry] = field(default_factory=dict)
    lists: dict[tuple[int, str], list[bytes]] = field(default_factory=dict)
    events: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    idempotent: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    seqs: Counter[int] = field(default_factory=Counter)
    arrows: set[tuple[Status, Step]] = field(default_factory=set)

    def go(self, entry: Entry, step: Step) -> bool:
        """Take *entry* along the arrow *step*, if there is one."""
        try:
            after = lifecycle.after(entry.status, step)
        except LocalProtocolError:
            return False
        self.arrows.add((entry.status, step))
        entry.status = after
        if entry.status in FINAL:
            entry.token = ""
        return True

    def next_seq(self, partition: int) -> int:
        self.seqs[partition] += 1
        return self.seqs[partition]

    def list_of(self, entry: Entry) -> list[bytes]:
        return self.lists.setdefault((entry.partition, entry.queue), [])

    def tell(self, entry: Entry, kind: str) -> None:
        self.events.setdefault(entry.user, []).append((kind, entry.id))

    def open_of(self, user: str) -> int:
        return sum(e.user == user and e.status not in FINAL for e in self.entries.values())

    def waiting(self, partition: int) -> list[Entry]:
        return [
            e
            for e in self.entries.values()
            if e.partition == partition and e.status is Status.QUEUED
        ]

    def enqueue(self, entry: Entry) -> None:
        """Put *entry* behind all that wait, with a new number."""
        entry.seq = self.next_seq(entry.partition)
        self.list_of(entry).insert(0, entry.hint)

    def requeue(self, entry: Entry) -> None:
        """Put *entry* before all that wait, with its old number."""
        self.list_of(entry).append(entry.hint)

    def take_back(self, entry: Entry) -> str:
        """Return what becomes of *entry* when its worker failed it."""
        if entry.tries >= TRIES:
            assert self.go(entry, Step.GIVE_UP)
            entry.dead, entry.done_by = True, ""
            self.tell(entry, "judged")
            return "dead"
        assert self.go(entry, Step.EXPIRE)
        entry.token, entry.limbo = "", False
        if entry.tries >= 2:
            entry.queue = "suspect"
            self.enqueue(entry)
        else:
            self.requeue(entry)
        self.tell(entry, "requeued")
        return "suspect" if entry.tries >= 2 else "requeued"


Dump = dict[str, Any]


async def dump(broker: Broker) -> Dump:
    """Return everything that the store holds, by key."""
    names = sorted(name.decode() for name in await broker.redis.call(("KEYS", "*")))
    readers: dict[str, tuple[Any, ...]] = {
        "list": ("LRANGE", 0, -1),
        "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
        "hash": ("HGETALL",),
        "stream": ("XRANGE", "-", "+"),
    }
    if not names:
        return {}
    kinds = await broker.redis.pipeline_of(*(("TYPE", name) for name in names))
    commands = []
    for name, kind in zip(names, kinds, strict=True):
        command, *rest = readers[kind if isinstance(kind, str) else kind.decode()]
        commands.append((command, name, *rest))
    values = await broker.redis.pipeline_of(*commands)
    return dict(zip(names, values, strict=True))


async def show_all(broker: Broker, ids: list[str]) -> list[Submission | None]:
    """Return all submissions as the API shows them."""
    return [await broker.get(id_) for id_ in ids]


def check_store(model: Model, found: Dump) -> None:
    """Compare the whole store with the model."""
    for partition in range(PARTITIONS):
        for queue in keys.QUEUES:
            wait = {e.id.encode(): e.seq for e in model.waiting(partition) if e.queue == queue}
            index = found.pop(keys.queued(partition, queue), [])
            assert {member: int(score) for member, score in index} == wait
            hints = model.lists.get((partition, queue), [])
            assert found.pop(keys.queue(partition, queue), []) == hints
        here = [e for e in model.entries.values() if e.partition == partition]
        held = {e.id for e in here if e.status in (Status.COMPILING, Status.RUNNING)}
        assert {id_.decode() for id_, _ in found.pop(keys.leases(partition), [])} == held
        dead = {e.id for e in here if e.dead}
        assert {id_.decode() for id_, _ in found.pop(keys.dead(partition), [])} == dead
        final = {e.id for e in here if e.status in FINAL}
        assert {id_.decode() for id_, _ in found.pop(f"fin:{{{partition}}}", [])} == final
        meta = found.pop(keys.meta(partition), {})
        assert int(meta.get(b"qseq", 0)) == model.seqs[partition]
    for user in USERS:
        check_user(model, user, found)
    for entry in model.entries.values():
        check_record(entry, found)
    for user, _key in model.idempotent:
        partition = keys.partition_of_user(user, PARTITIONS)
        assert found.pop(next(n for n in found if n.startswith(f"idem:{{{partition}}}:{user}:")))
    assert found == {}


def check_user(model: Model, user: str, found: Dump) -> None:
    """Compare one user's counters, history and events."""
    partition = keys.partition_of_user(user, PARTITIONS)
    count = model.open_of(user)
    counters = found.pop(keys.user(partition, user), {})
    assert counters == ({b"open": str(count).encode()} if count else {})
    ids = {id_.decode() for id_, _ in found.pop(keys.history(partition, user), [])}
    assert ids == {e.id for e in model.entries.values() if e.user == user}
    rows = [row[1][1] for row in found.pop(keys.events(partition, user), [])]
    events = [json.loads(raw) for raw in rows]
    assert [
        (event["type"].removeprefix("submission."), event["submission_id"]) for event in events
    ] == model.events.get(user, [])
    last = 0
    finals: Counter[str] = Counter()
    for event in events:
        assert event["prev"] == last < event["id"]
        assert event["user_id"] == user
        last = event["id"]
        if event["type"] == EventType.QUEUED:
            finals[event["submission_id"]] = 0
        finals[event["submission_id"]] += EventType(event["type"]).final
        assert finals[event["submission_id"]] <= 1
    for id_, count in finals.items():
        if id_ in model.entries:
            assert count == (model.entries[id_].status in FINAL)
    head = found.pop(keys.event_head(partition, user), {})
    assert int(head.get(b"last", 0)) == last


def check_record(entry: Entry, found: Dump) -> None:
    """Compare one submission's hashes."""
    record = found.pop(keys.submission(entry.partition, entry.id))
    assert record[b"status"].decode() == entry.status
    assert (int(record[b"attempt"]), int(record[b"tries"])) == (entry.attempt, entry.tries)
    assert (int(record[b"gen"]), int(record[b"seq"])) == (entry.gen, entry.seq)
    assert record[b"token"].decode() == entry.token
    assert record[b"queue"].decode() == entry.queue
    assert (b"finished_at" in record) == (entry.status in FINAL)
    assert (b"verdict" in record) == (entry.status is Status.DONE)
    assert (b"limbo" in record) == entry.limbo
    finished = entry.done_by.encode() if entry.status is Status.DONE else b""
    assert record.get(b"ftoken", b"") == finished
    if entry.status is Status.QUEUED:
        assert not record.keys() & {b"started_at", b"worker", b"tests_passed", b"tests_total"}
    for gen in range(1, entry.gen):
        assert found.pop(f"result:{{{entry.partition}}}:{entry.id}:{gen}")[b"status"]


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
        self.workers = {
            True: Claims(with_worker(broker, LIVES), "lives"),
            False: Claims(with_worker(broker, DIED), "died"),
        }
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
        known = self.model.idempotent.get((user, key)) if key else None
        entry = Entry("", user, priority, 0)
        ask = partial(self.broker.submit, request, idempotency_key=key)
        if known:
            if known[1] != body:
                with pytest.raises(IdempotencyMismatch):
                    self.run(ask)
            elif known[0] in self.model.entries:
                accepted = self.run(ask)
                assert (accepted.created, accepted.submission.id) == (False, known[0])
            return
        if len(self.model.waiting(entry.partition)) >= DEPTH:
            with pytest.raises(QueueFull):
                self.run(ask)
            return
        if self.model.open_of(user) >= OPEN:
            with pytest.raises(TooManyOpen):
                self.run(ask)
            return
        accepted = self.run(ask)
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
        args = (entry.id, str(entry.seq), claim.token, "again", 3600_000 if lives else 0)
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
        entry = self.holder(claim)
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
        entry = self.holder(claim)
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
        entry = self.holder(claim)
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
        entry = self.holder(claim)
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
        entry = self.holder(claim)
        answer = self.run(self.workers[True].fail, claim)
        assert answer == (self.model.take_back(entry) if entry else "fenced")

    @rule(count=st.integers(0, 5))
    def beat(self, count: int) -> None:
        some = self.claims[-count:] if count else []
        fenced = self.run(self.workers[True].beat, some)
        assert set(fenced) == {claim for claim in some if self.holder(claim) is None}
        for claim in some:
            if entry := self.holder(claim):
                entry.alive = True

    @rule(stale=st.booleans())
    def expire(self, stale: bool) -> None:
        for lease in self.run(self.workers[True].leases):
            entry = self.model.entries[lease.submission_id]
            seen = lease._replace(deadline=lease.deadline - 1) if stale else lease
            answer = self.run(self.workers[True].expire, seen)
            gone = not entry.alive and not stale
            assert answer == (self.model.take_back(entry) if gone else "no")
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
        answer = self.run(self.broker.rejudge, id_)
        entry = self.model.entries.get(id_)
        if entry is None:
            assert answer is None
            return
        moved = self.model.go(entry, Step.REJUDGE)
        assert (answer[0].status, answer[1]) == (entry.status, moved)
        if moved:
            entry.gen += 1
            entry.tries, entry.dead, entry.limbo = 0, False, False
            entry.queue = "normal" if entry.queue == "suspect" else entry.queue
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

    def holder(self, claim: Claim) -> Entry | None:
        """Return the entry that *claim* holds, if it still holds it."""
        entry = self.model.entries.get(claim.submission_id)
        return entry if entry is not None and entry.token == claim.token else None


@pytest.fixture
async def broker(store: Any) -> Any:
    """Give a broker on a store that need not be durable."""
    config = store.config(
        store=Store(url=store.url, partitions=PARTITIONS, durability="memory"),
        limits=Limits(queue_depth=DEPTH, open_per_user=OPEN),
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
            max_examples=120,
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
