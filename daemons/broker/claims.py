"""The worker's side of the queue: take, hold, report, give back; and repair what others dropped.

A claim's random token is the only proof that a submission is still ours: attempt numbers repeat
after lost writes, tokens do not. Every method may be called again after `StoreUnavailable`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from daemons.broker.broker import Broker
from daemons.broker.connection import Argument
from daemons.broker.errors import ForeignListClosed, StoreUnavailable
from daemons.broker.records import read_request, write_judgement
from protocol import codec, keys
from protocol.errors import RemoteProtocolError
from protocol.messages import (
    EventType,
    Judged,
    Judgement,
    Request,
    Verdict,
    WorkerInfo,
)

#: A producer that is wrong for ever must not fill the store: the newest of his entries are kept.
_REJECTED_KEPT = 10_000
_SWEEP_LIMIT = 100
#: A worker that has not shown itself for so many beats is not listed any more.
_PRESENCE_BEATS = 3


class Claim(NamedTuple):
    """One submission that is ours to judge until its lease ends."""

    submission_id: str
    partition: int
    token: str
    attempt: int
    request: Request
    #: Of the HTTP request that submitted or rejudged it; empty where none did.
    request_id: str = ""


class Step(NamedTuple):
    """One event to be told: its type and what it adds to the head."""

    type: EventType
    members: bytes

    @classmethod
    def of(cls, type_: EventType, members: object) -> Step:
        """Make a step of a struct of protocol.messages."""
        return cls(type_, codec.encode_members(members))

    @property
    def arguments(self) -> tuple[str, bytes]:
        """The two arguments that the scripts take for it."""
        return self.type.value.removeprefix("submission."), self.members


class Lease(NamedTuple):
    """That a worker holds a submission: *beat* is the number of its last sign of life."""

    partition: int
    submission_id: str
    beat: int


class Claims:
    """What a worker does with the queue, under its *worker* name."""

    def __init__(self, broker: Broker, worker: str) -> None:
        self._broker = broker
        self._worker = worker
        self._settings = broker.config.worker

    async def claim(self, partition: int, hint: bytes) -> Claim | None:
        """Take the submission that *hint* (``seq|id``) points to; None if it is stale.

        A hint that is none goes to the list of rejected entries.

        Raises:
            ForeignListClosed: the rejected entries' key is no list.
            RemoteProtocolError: the request in the store is none that this version reads; it was
                given back, the try counted, for a worker that does.
        """
        seq, bar, raw_id = hint.decode("latin-1").partition("|")
        if not bar or not seq.isdecimal() or keys.partition_of_submission(raw_id) is None:
            await self._reject(partition, hint, "not a hint of the form seq|id")
            return None
        token = secrets.token_hex(8)
        ask = ("claim", partition, raw_id, seq, token, self._worker)
        try:
            answer = await self._broker.script(*ask)
        except StoreUnavailable:
            # It may be ours already, and without the token it would lie until its lease ends.
            answer = await self._broker.script(*ask)
        if answer[0] != b"claimed":
            return None
        try:
            request = read_request(answer[2], answer[3])
        except RemoteProtocolError as exc:
            unreadable = exc
        else:
            request_id = (answer[4] or b"").decode()
            return Claim(raw_id, partition, token, answer[1], request, request_id)
        await self._fail(partition, raw_id, token)
        raise unreadable

    async def reject_foreign(self, entry: bytes, reason: str) -> None:
        """Take *entry*, the foreign list's oldest, out and put it aside with the reason.

        Does nothing if it is not the oldest any more.

        Raises:
            ForeignListClosed: the rejected entries' key is no list; *entry* stays where it is.
        """
        await self._reject(0, entry, reason, entry)

    async def _reject(self, partition: int, entry: bytes, reason: str, *oldest: bytes) -> None:
        head = codec.encode({"reason": reason, "worker": self._worker})
        line = head[:-1] + b',"entry":' + codec.encode(codec.text(entry)) + b"}"
        answer = await self._broker.script("reject", partition, line, _REJECTED_KEPT, *oldest)
        if answer == b"closed":
            raise ForeignListClosed(f"{keys.REJECTED_LIST} is no list; rename or delete it")

    async def suspects(self) -> int:
        """Return how many submissions wait to be judged alone."""
        counts = await self._broker.redis.pipeline_of(
            *(("ZCARD", keys.queued(part, "suspect")) for part in self._broker.partitions)
        )
        return sum(counts)

    async def beat(self, claims: Sequence[Claim]) -> list[Claim]:
        """Prolong the leases of *claims*; return those that are not ours any more."""
        fenced: list[Claim] = []
        for partition in sorted({claim.partition for claim in claims}):
            ours = [claim for claim in claims if claim.partition == partition]
            flat = [part for claim in ours for part in (claim.submission_id, claim.token)]
            answers = await self._broker.script("beat", partition, *flat)
            fenced += [
                claim for claim, answer in zip(ours, answers, strict=True) if answer != b"ok"
            ]
        return fenced

    async def progress(
        self, claim: Claim, fields: Sequence[Argument], first: int, steps: Iterable[Step]
    ) -> bool:
        """Record *fields* (name, value, ...) and tell *steps*; return whether it is still ours.

        *first* is the number of the first step within this claim, counted from 0: a step that was
        told by a call whose reply was lost is not told again.
        """
        answer = await self._broker.script(
            "progress",
            claim.partition,
            claim.submission_id,
            claim.token,
            first,
            len(fields) // 2,
            *fields,
            *_flat(steps),
        )
        return bool(answer == b"ok")

    async def finish(
        self, claim: Claim, judgement: Judgement, first: int = 0, steps: Iterable[Step] = ()
    ) -> bool:
        """Record the judgement and tell *steps* and the verdict; return whether it was ours.

        *first* is as for `progress`.
        """
        fields = write_judgement(judgement)
        judged = codec.encode_members(judged_members(judgement, claim.attempt))
        answer = await self._broker.script(
            "finish",
            claim.partition,
            claim.submission_id,
            claim.token,
            first,
            judgement.verdict.value,
            judged,
            len(fields) // 2,
            *fields,
            *_flat(steps),
        )
        return bool(answer != b"fenced")

    async def release(self, claim: Claim) -> bool:
        """Give an unjudged submission back, next in turn; return whether it was ours."""
        answer = await self._broker.script(
            "release", claim.partition, claim.submission_id, claim.token
        )
        return bool(answer == b"ok")

    async def fail(self, claim: Claim) -> str:
        """Give back a submission that this host could not judge, the try counted.

        Returns:
            ``requeued``, ``suspect``, ``dead``, or ``fenced`` if it was not ours any more.
        """
        return await self._fail(claim.partition, claim.submission_id, claim.token)

    async def _fail(self, partition: int, submission_id: str, token: str) -> str:
        answer = await self._broker.script(
            "fail", partition, submission_id, token, self._settings.tries, _gave_up_members()
        )
        return str(answer.decode())

    async def leases(self) -> list[Lease]:
        """Return all leases there are."""
        rows = await self._broker.redis.pipeline_of(
            *(
                ("ZRANGE", keys.leases(partition), 0, -1, "WITHSCORES")
                for partition in self._broker.partitions
            )
        )
        return [
            Lease(partition, member.decode(), int(score))
            for partition, row in zip(self._broker.partitions, rows, strict=True)
            for member, score in row
        ]

    async def holders(self, leases: Sequence[Lease]) -> list[str]:
        """Return the name of the worker that holds each of *leases*; empty if it has ended."""
        if not leases:
            return []
        names = await self._broker.redis.pipeline_of(
            *(
                ("HGET", keys.submission(lease.partition, lease.submission_id), "worker")
                for lease in leases
            )
        )
        return [(name or b"").decode() for name in names]

    async def expire(self, lease: Lease) -> str:
        """Take a dead worker's submission back, if it has given no sign of life since *lease*.

        Only who has seen that same lease for `[worker] lease_s` may call this.

        Returns:
            ``requeued``, ``suspect``, ``dead``, or ``no`` if there was one.
        """
        answer = await self._broker.script(
            "expire",
            lease.partition,
            lease.submission_id,
            lease.beat,
            self._settings.tries,
            _gave_up_members(),
        )
        return str(answer.decode())

    async def repair(self) -> int:
        """Put back what was popped and never claimed; return how many hints."""
        grace_ms = round(self._settings.limbo_s * 1000)
        count = 0
        for partition in self._broker.partitions:
            for name in keys.QUEUES:
                count += await self._broker.script(
                    "repair", partition, name, grace_ms, _SWEEP_LIMIT
                )
        return count

    async def forget(self, age_ms: int) -> int:
        """Delete submissions finished *age_ms* ago or before, some at a time; return how many."""
        count = 0
        for partition in self._broker.partitions:
            count += await self._broker.script("forget", partition, age_ms, _SWEEP_LIMIT)
        return count

    async def server_ms(self) -> int:
        """Return the server's clock: of several machines' clocks the one that counts."""
        seconds, micros = await self._broker.redis.call(("TIME",))
        return int(seconds) * 1000 + int(micros) // 1000

    async def show(self, info: WorkerInfo, unix_ms: int) -> None:
        """Show that this worker lives at *unix_ms*, and drop the names of those that do not."""
        kept_ms = round(self._settings.beat_s * 1000 * _PRESENCE_BEATS)
        await self._broker.redis.pipeline_of(
            ("SET", keys.worker(info.name), codec.encode(info), "PX", kept_ms),
            ("ZADD", keys.WORKERS, unix_ms, info.name),
            ("ZREMRANGEBYSCORE", keys.WORKERS, "-inf", unix_ms - 10 * kept_ms),
        )

    async def hide(self) -> None:
        """Take this worker off the list: it is stopping."""
        await self._broker.redis.pipeline_of(
            ("DEL", keys.worker(self._worker)), ("ZREM", keys.WORKERS, self._worker)
        )


def judged_members(judgement: Judgement, attempt: int) -> Judged:
    """Return what the event `submission.judged` tells of *judgement*."""
    return Judged(
        verdict=judgement.verdict,
        score=judgement.score,
        tests_passed=judgement.tests_passed,
        tests_total=judgement.tests_total,
        time_s=judgement.time_s,
        memory_bytes=judgement.memory_bytes,
        compile_output=judgement.compile_output,
        attempt=attempt,
    )


def _gave_up_members() -> bytes:
    """Return what `submission.judged` tells of a submission given up, but for the attempt."""
    nothing = judged_members(Judgement(verdict=Verdict.INTERNAL_ERROR), 0)
    return codec.encode_members(nothing).removesuffix(b',"attempt":0')


def _flat(steps: Iterable[Step]) -> list[str | bytes]:
    return [part for step in steps for part in step.arguments]
