"""The store as the daemons use it: submissions in, submissions out, who works, how much waits.

`Broker` is what every daemon opens; workers take a `Claims` of it besides, gateways an `EventHub`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import trio

from daemons.broker.admission import (
    Accepted,
    caps_of,
    read_created,
    refusal_of,
    submit_arguments,
)
from daemons.broker.client import Redis, open_redis
from daemons.broker.commit import Commits
from daemons.broker.connection import Argument, Connection
from daemons.broker.durability import Promise, Refusal, examine
from daemons.broker.errors import StoreUnavailable
from daemons.broker.history import read_page
from daemons.broker.library import Library
from daemons.broker.records import FIELDS, read_submission
from daemons.broker.replay import Replay, read_replay
from daemons.config import Config, ConfigError
from protocol import codec, keys
from protocol.messages import Request, Submission, WorkerInfo

#: A store that is there says within this time what it can promise.
_EXAMINE_S = 1.0


class QueueStatus(NamedTuple):
    """How many submissions wait, are being judged, were given up."""

    depth: int
    running: int
    dead: int


class Broker:
    """One daemon's view of the store; make one with `open_broker`.

    Every method raises `StoreUnavailable` within about a second while the store is away.
    """

    #: The connection for everything but proved submissions; `open_broker` sets it.
    redis: Redis

    def __init__(self, commits: Commits, config: Config) -> None:
        self.config = config
        self._commits = commits
        self._library = Library()
        self._promise = Promise(config.store.durability)
        self._refusal: Refusal | None = None
        self._examined = trio.Event()
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
        self,
        request: Request,
        *,
        idempotency_key: str | None = None,
        address: str | None = None,
        request_id: str = "",
    ) -> Accepted:
        """Put *request* into the queue; when this returns, it will be judged.

        With *address*, where it came from, it counts against the rates of user and address. The
        logs of who judges it name *request_id*, that of the HTTP request.

        Raises:
            QueueFull, TooManyOpen, TooFast: a configured cap is reached.
            IdempotencyMismatch: see there.
        """
        answer, durability = await self._submit(request, idempotency_key, address, request_id)
        if answer[0] == b"created":
            return Accepted(read_created(request, answer), True, durability)
        known = await self.get(answer[1].decode()) if answer[0] == b"existing" else None
        if known is None:
            raise refusal_of(request.user_id, answer, self.config.limits)
        return Accepted(known, False, durability)

    async def adopt(self, entry: bytes, request: Request) -> bool:
        """Submit *request*, which the foreign list's oldest *entry* asks for, and take that out.

        Returns:
            False if it was not the oldest any more: then nothing has happened.

        Raises:
            QueueFull, TooManyOpen: a configured cap is reached; the entry stays where it is.
        """
        answer, _ = await self._submit(request, None, None, "", entry)
        if answer[0] not in (b"created", b"gone"):
            raise refusal_of(request.user_id, answer, self.config.limits)
        return bool(answer[0] == b"created")

    async def _submit(
        self,
        request: Request,
        idempotency_key: str | None,
        address: str | None,
        request_id: str,
        *adopted: bytes,
    ) -> tuple[list[Any], str]:
        """Return the script's answer, and what it survives."""
        partition = self.partition_of_user(request.user_id)
        promise = self._promise
        answer = await self._library.call(
            self.redis,
            "submit",
            partition,
            *submit_arguments(
                partition, request, idempotency_key, self.config, address, request_id
            ),
            *adopted,
            send=None if promise.proof is None else partial(self._commits.call, promise.proof),
        )
        return answer, promise.mode

    async def get(self, submission_id: str) -> Submission | None:
        """Return one submission as it stands, or None."""
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        values = await self.script("show", partition, submission_id, *FIELDS)
        return read_submission(values)

    async def history(
        self, user_id: str, limit: int, cursor: str | None = None
    ) -> tuple[list[Submission], str | None]:
        """Return *limit* submissions of a user, newest first, and the cursor of the rest if any.

        Raises:
            ValueError: *cursor* is none that this method returned.
        """
        key = keys.history(self.partition_of_user(user_id), user_id)
        ids, next_cursor = await read_page(self.redis, key, limit, cursor)
        found: dict[str, Submission | None] = {}

        async def look(submission_id: str) -> None:
            found[submission_id] = await self.get(submission_id)

        # Their commands travel together; one by one a page would take a hundred round trips.
        async with trio.open_nursery() as nursery:
            for submission_id in ids:
                nursery.start_soon(look, submission_id)
        page = [found[submission_id] for submission_id in ids]
        return [submission for submission in page if submission is not None], next_cursor

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

    async def rejudge(
        self, submission_id: str, *, request_id: str = ""
    ) -> tuple[Submission, bool] | None:
        """Queue a finished submission once more, its history kept; *request_id* as for `submit`.

        Returns:
            The submission and whether it was queued (False: it is not finished); None if there is
            no such submission.

        Raises:
            QueueFull, TooManyOpen: a configured cap is reached.
        """
        partition = self._partition_of(submission_id)
        if partition is None:
            return None
        limits, caps = self.config.limits, caps_of(self.config)
        answer = await self.script("rejudge", partition, submission_id, *caps, request_id)
        submission = await self.get(submission_id)
        if submission is None:
            return None
        if answer[0] in (b"full", b"user_full"):
            raise refusal_of(submission.user_id, answer, limits)
        return submission, answer[0] == b"requeued"

    async def replay(self, user_id: str, after: int | None, max_bytes: int | None = None) -> Replay:
        """Return the events of *user_id* after the id *after*, or all that are kept for None.

        No more than *max_bytes* of them, where given, but one at least.
        """
        partition = self.partition_of_user(user_id)
        return await read_replay(self.script, partition, user_id, after, max_bytes)

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
        self._refusal = found if isinstance(found, Refusal) else None
        self._examined.set()
        if isinstance(found, Refusal):
            raise StoreUnavailable(f"[store] durability: {found.reason}")
        self._promise = found
        await self._library.prepare(connection)

    async def check_promise(self) -> None:
        """Refuse to serve on a store that cannot keep the promise of `[store] durability`.

        A store that is away is no reason: it is waited for a second here, and examined when it
        comes; until then, and should it change its mind, it counts as unavailable.

        Raises:
            ConfigError: says why it cannot, and what mends it.
        """
        with trio.move_on_after(_EXAMINE_S):
            await self._examined.wait()
        if self._refusal is not None and not self._refusal.passing:
            raise ConfigError(f"[store] durability: {self._refusal.reason}")


@asynccontextmanager
async def open_broker(config: Config, *, name: str) -> AsyncIterator[Broker]:
    """Open the store of *config*; *name* shows in the server's CLIENT LIST.

    Returns at once, whether or not the store is there.

    Raises:
        ConfigError: `[store] url` is no address of a store.
    """
    url = config.store_url()
    commits = Commits(partial(open_redis, url, name=f"{name}-commit"))
    broker = Broker(commits, config)
    try:
        opened = open_redis(url, name=name, on_connect=broker.prepare)
    except ValueError as exc:
        raise ConfigError(f"[store] url: {exc}") from exc
    async with opened as broker.redis, trio.open_nursery() as nursery:
        nursery.start_soon(commits.serve)  # noqa: ASYNC113 - commits wait for it
        try:
            yield broker
        finally:
            nursery.cancel_scope.cancel()
