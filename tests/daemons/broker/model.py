"""A model of the queue after `protocol.lifecycle.TABLE`, and the comparison of a store with it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from daemons.broker import Broker, BrokerError, Claim, IdempotencyMismatch, QueueFull, TooManyOpen
from protocol import keys, lifecycle
from protocol.errors import LocalProtocolError
from protocol.lifecycle import FINAL, Step
from protocol.messages import EventType, Status, Submission

USERS = ("ann", "bob", "cy")
PARTITIONS = 2
DEPTH = 5
OPEN = 3
TRIES = 3


@dataclass
class Entry:
    """What the model knows of one submission."""

    id: str
    user: str
    priority: str
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
    queue: str = ""

    def __post_init__(self) -> None:
        self.queue = self.priority

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

    def holder(self, claim: Claim) -> Entry | None:
        """Return the entry that *claim* holds, if it still holds it."""
        entry = self.entries.get(claim.submission_id)
        return entry if entry is not None and entry.token == claim.token else None

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

    def refusal(self, entry: Entry, key: str | None, body: str) -> type[BrokerError] | None:
        """Return why *entry* may not come in with an Idempotency-Key *key*; None if it may."""
        if key and (known := self.idempotent.get((entry.user, key))):
            return None if known[1] == body else IdempotencyMismatch
        if len(self.waiting(entry.partition)) >= DEPTH:
            return QueueFull
        return TooManyOpen if self.open_of(entry.user) >= OPEN else None

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
