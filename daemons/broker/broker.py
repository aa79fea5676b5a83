"""The store as the daemons use it: submissions in, submissions out, who works, how much waits.

`Broker` is what every daemon opens; workers take a `Claims` of it besides, gateways an `EventHub`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from daemons.broker.client import Redis, open_redis
from daemons.broker.connection import Argument, Connection
from daemons.broker.durability import Promise, Refusal, examine
from daemons.broker.errors import (
    IdempotencyMismatch,
    QueueFull,
    StoreUnavailable,
    TooManyOpen,
)
from daemons.broker.library import Library
from daemons.broker.records import FIELDS, read_submission
from daemons.config import Config, ConfigError
from protocol import codec, keys
from protocol.messages import Status, Submission, SubmissionRequest, WorkerInfo

_IDEMPOTENCY_S = 24 * 3600
_REPLAY_PAGE = 200


class Accepted(NamedTuple):
    """A submission that is in the store and will be judged, whatever dies next."""

    submission: Submission
    created: bool
    durability: str


class QueueStatus(NamedTuple):
    """How many submissions wait, are being judged, were given up."""

    depth: int
    running: int
    dead: int


class Replay(NamedTuple):
    """A user's events after some id, oldest first.

    Attributes:
        head: id of his newest event. events: the JSON of each, as it was published.
        recovered: whether nothing is missing between the id and the first of them.
        reason: if not, ``trimmed`` (too long ago) or ``fork`` (the store lost what was seen).
    """

    head: int
    events: list[bytes]
    recovered: bool
    reason: str | None


class Broker:
    """One daemon's view of the store; make one with `open_broker`.

    Every method raises `StoreUnavailable` within about a second while the store is away.
    """

    def __init__(self, redis: Redis, library: Library, config: Config) -> None:
        self.redis = redis
        self.config = config
        self._library = library
        self._promise = Promise(config.store.durability, None)
        self._partitions = config.store.partitions

    @property
    def durability(self) -> str:
        """What a 202 promises: ``memory``, ``disk`` or ``replica``."""
        return self._promise.mode

    @property
    def partitions(self) -> range:
        """The numbers of the partitions."""
        return range(self._partitions)

    def partition_of_user(self, user_id: str) -> int:
        """Return the partition that holds everything of *user_id*."""
        return keys.partition_of_user(user_id, self._partitions)

    async def script(self, name: str, partition: int, *args: Argument) -> Any:
        """Run one script of library.lua; its header there tells arguments and answer."""
        return await self._library.call(self.redis, name, partition, *args)

    async def ping(self) -> None:
        """Return if the store answers."""
        await self.redis.call(("PING",))

    async def submit(
        self, request: SubmissionRequest, *, idempotency_key: str | None = None
    ) -> Accepted:
        """Put *request* into the queue; when this returns, it will be judged.

        Raises:
            QueueFull, TooManyOpen: a configured cap is reached. IdempotencyMismatch: see there.
        """
        partition = self.partition_of_user(request.user_id)
        unix_ms = time.time_ns() // 1_000_000
        submission_id = keys.make_submission_id(unix_ms, secrets.randbits(70), partition)
        answer = await self._submit(partition, submission_id, request, idempotency_key)
        outcome = answer[0].decode()
        if outcome == "created":
            submission = Submission(
                id=submission_id,
                problem_id=request.problem_id,
                user_id=request.user_id,
                language=request.language,
                status=Status.QUEUED,
                position=answer[3],
                created_at=answer[2].decode(),
            )
            return Accepted(submission, True, self.durability)
        if outcome == "existing":
            known = await self.get(answer[1].decode())
            if known is not None:
                return Accepted(known, False, self.durability)
        raise {
            "full": QueueFull(f"{self.config.limits.queue_depth} submissions wait already"),
            "user_full": TooManyOpen(
                f"{request.user_id} has {self.config.limits.open_per_user} unfinished submissions"
            ),
        }.get(outcome) or IdempotencyMismatch("this Idempotency-Key came with another body before")

    async def _submit(
        self, partition: int, submission_id: str, request: SubmissionRequest, key: str | None
    ) -> Any:
        payload = codec.encode(request)
        args: tuple[Argument, ...] = (
            submission_id,
            request.user_id,
            request.priority,
            request.language,
            request.problem_id,
            payload,
            hashlib.sha256(key.encode()).hexdigest() if key else "",
            hashlib.sha256(payload).hexdigest(),
            _IDEMPOTENCY_S,
            self.config.limits.queue_depth,
            self.config.limits.open_per_user,
        )
        if self._promise.command is None:
            return await self.script("submit", partition, *args)
        answer, proof = await self.redis.pipeline_of(
            self._library.command("submit", partition, *args), self._promise.command
        )
        for reply in (answer, proof):
            if isinstance(reply, Exception):
                raise reply
        if not self._promise.kept(proof):
            raise StoreUnavailable(
                f"{submission_id} was written, but not yet as {self.durability!r} promises"
            )
        return answer

    async def get(self, submission_id: str) -> Submission | None:
        """Return one submission as it stands, or None."""
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        values = await self.script("show", partition, submission_id, *FIELDS)
        return read_submission(values)

    async def request_of(self, submission_id: str) -> SubmissionRequest | None:
        """Return what was submitted, or None."""
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        key = keys.submission(partition, submission_id)
        payload = await self.redis.call(("HGET", key, "payload"))
        return None if payload is None else codec.decode(payload, SubmissionRequest)

    async def history(
        self, user_id: str, limit: int, cursor: str | None = None
    ) -> tuple[list[Submission], str | None]:
        """Return *limit* submissions of a user, newest first, and the cursor of the rest if any.

        Raises:
            ValueError: *cursor* is none that this method returned.
        """
        partition = self.partition_of_user(user_id)
        key = keys.history(partition, user_id)
        ids = await self._page(key, limit + 1, cursor)
        page = ids[:limit]
        found = [await self.get(submission_id) for submission_id, _ in page]
        next_cursor = f"{page[-1][1]}-{page[-1][0]}" if len(ids) > limit else None
        return [submission for submission in found if submission is not None], next_cursor

    async def _page(self, key: str, limit: int, cursor: str | None) -> list[tuple[str, int]]:
        newest, ties, before = "+inf", 0, None
        if cursor is not None:
            newest, dash, before = cursor.partition("-")
            if not dash or not newest.isdigit():
                raise ValueError("the cursor is none that a list returned")
            ties = await self.redis.call(("ZCOUNT", key, newest, newest))
        rows = await self.redis.call(
            ("ZREVRANGEBYSCORE", key, newest, "-inf", "WITHSCORES", "LIMIT", 0, limit + ties)
        )
        ids = [(member.decode(), int(score)) for member, score in rows]
        return [
            (member, ms)
            for member, ms in ids
            if before is None or (ms, member) < (int(newest), before)
        ][:limit]

    async def cancel(self, submission_id: str) -> tuple[Submission, bool] | None:
        """Cancel a submission at whatever stage it is.

        Returns:
            The submission and whether this call cancelled it (False: it was done already); None if
            there is no such submission.
        """
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        answer = await self.script("cancel", partition, submission_id)
        submission = await self.get(submission_id)
        return None if submission is None else (submission, answer == b"now cancelled")

    async def rejudge(self, submission_id: str) -> tuple[Submission, bool] | None:
        """Queue a finished submission once more, its history kept.

        Returns:
            The submission and whether it was queued (False: it is not finished); None if there is
            no such submission.
        """
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        answer = await self.script("rejudge", partition, submission_id)
        submission = await self.get(submission_id)
        return None if submission is None else (submission, answer[0] == b"requeued")

    async def replay(self, user_id: str, after: int | None) -> Replay:
        """Return the events of *user_id* after the id *after*, or all that are kept for None."""
        partition = self.partition_of_user(user_id)
        events: list[bytes] = []
        position = after or 0
        while True:
            answer = await self.script("replay", partition, user_id, position, _REPLAY_PAGE)
            head, oldest, page = int(answer[0]), int(answer[1]), answer[2:]
            events += page
            if len(page) < _REPLAY_PAGE:
                break
            position = _link(page[-1])[0]
        if after is None:
            return Replay(head, events, True, None)
        return Replay(head, events, *_continuity(after, head, oldest, events))

    async def heads(self, user_ids: list[str]) -> list[int]:
        """Return the id of each user's newest event, 0 for none, in one round trip."""
        if not user_ids:
            return []
        answers = await self.redis.pipeline_of(
            *(
                ("HGET", keys.event_head(self.partition_of_user(user_id), user_id), "last")
                for user_id in user_ids
            )
        )
        return [int(answer or 0) for answer in answers]

    async def workers(self) -> list[WorkerInfo]:
        """Return the workers that live."""
        names = await self.redis.call(("ZRANGE", keys.WORKERS, 0, -1))
        if not names:
            return []
        answers = await self.redis.call(("MGET", *(keys.worker(name.decode()) for name in names)))
        return [codec.decode(answer, WorkerInfo) for answer in answers if answer is not None]

    async def queue_status(self) -> QueueStatus:
        """Return how many submissions wait, are being judged, were given up."""
        depth = [
            ("ZCARD", keys.queued(partition, name))
            for partition in self.partitions
            for name in keys.QUEUES
        ]
        running = [("ZCARD", keys.leases(partition)) for partition in self.partitions]
        dead = [("ZCARD", keys.dead(partition)) for partition in self.partitions]
        answers = await self.redis.pipeline_of(*depth, *running, *dead)
        split, end = len(depth), len(depth) + len(running)
        return QueueStatus(sum(answers[:split]), sum(answers[split:end]), sum(answers[end:]))

    def _partition_of(self, submission_id: str) -> int | None:
        partition = keys.partition_of_submission(submission_id)
        return partition if partition is not None and partition < self._partitions else None

    async def prepare(self, connection: Connection) -> None:
        """Put the scripts on the server and check its promise: done on each new connection.

        Raises:
            StoreUnavailable: the server cannot keep the promise of `[store] durability`.
        """
        found = await examine(connection, self.config.store.durability)
        if isinstance(found, Refusal):
            raise StoreUnavailable(f"[store] durability: {found.reason}")
        self._promise = found
        await self._library.prepare(connection)


def _link(raw: bytes) -> tuple[int, int]:
    event = json.loads(raw)
    return event["id"], event["prev"]


def _continuity(after: int, head: int, oldest: int, events: list[bytes]) -> tuple[bool, str | None]:
    """Tell whether the history goes on right behind *after*, and if not, why."""
    if not events:
        if head == after:
            return True, None
        return False, "fork" if head < after else "trimmed"
    first, prev = _link(events[0])
    if prev == after:
        return True, None
    return False, "trimmed" if first == oldest and prev > after else "fork"


@asynccontextmanager
async def open_broker(config: Config, *, name: str) -> AsyncIterator[Broker]:
    """Open the store of *config*; *name* shows in the server's CLIENT LIST.

    Returns at once, whether or not the store is there.

    Raises:
        ConfigError: `[store] url` is no address of a store.
    """
    library = Library()
    made: list[Broker] = []

    async def prepare(connection: Connection) -> None:
        await made[0].prepare(connection)

    try:
        opened = open_redis(config.store_url(), name=name, on_connect=prepare)
    except ValueError as exc:
        raise ConfigError(f"[store] url: {exc}") from exc
    async with opened as redis:
        made.append(Broker(redis, library, config))
        yield made[0]
