"""How long a request waits for the store, and what is remembered of its answers for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import trio

from daemons.broker import Broker
from daemons.broker.errors import StoreUnavailable
from protocol.messages import LanguageInfo, Submission, WorkerInfo

T = TypeVar("T", bound=Submission)

#: A read that takes longer is answered with 503: the promise is an answer within a second.
READ_S = 0.9
#: A write may wait for the disk, and to give up leaves it open whether the submission is stored.
WRITE_S = 5.0
#: Workers say that they live every few seconds, so asking more often tells nothing new.
_FRESH_S = 1.0


@contextmanager
def patience(limit_s: float | None = None, *, shield: bool = False) -> Iterator[None]:
    """Give the calls in the block *limit_s* altogether, `READ_S` by default.

    With *shield* nothing but the limit ends them: for a write that must not stop half-way because
    its client has gone.

    Raises:
        StoreUnavailable: the limit has passed.
    """
    if limit_s is None:
        limit_s = READ_S
    with trio.move_on_after(limit_s, shield=shield) as scope:
        yield
    if scope.cancelled_caught:
        raise StoreUnavailable(f"the store gave no answer within {limit_s:g} s")


class LiveWorkers:
    """Who judges at the moment, asked of the store at most once in `_FRESH_S`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._workers: list[WorkerInfo] = []
        self._asked_at = -_FRESH_S
        self._asking = trio.Lock()

    async def workers(self, *, fresh: bool = False) -> list[WorkerInfo]:
        """Return the living workers; with *fresh*, as the store knows them right now.

        Raises:
            StoreUnavailable: the store is away and nothing recent is remembered.
        """
        if not fresh and self._is_recent:
            return self._workers
        # One caller asks, the others that came meanwhile take his answer.
        async with self._asking:
            if fresh or not self._is_recent:
                with patience():
                    self._workers = await self._broker.workers()
                self._asked_at = time.monotonic()
        return self._workers

    async def languages(self, *, fresh: bool = False) -> dict[str, LanguageInfo]:
        """Return the languages that at least one living worker offers, by id.

        Raises:
            StoreUnavailable: as for `workers`.
        """
        offered = [
            language for worker in await self.workers(fresh=fresh) for language in worker.languages
        ]
        return {language.id: language for language in sorted(offered, key=lambda each: each.id)}

    async def estimate(self, submission: T) -> T:
        """Return *submission* with `wait_s`, if it is queued and anybody can tell.

        What is before it, by the slots that are alive, at the pace of late. It tells nothing of
        other queues, which take their turns in between, nor of workers that come and go.
        """
        if submission.position is None:
            return submission
        try:
            workers = await self.workers()
        except StoreUnavailable:
            return submission
        paces = [each.judging_s for each in workers if each.judging_s is not None]
        slots = sum(each.slots for each in workers)
        if not paces or not slots:
            return submission
        free = slots - sum(each.busy for each in workers)
        wait_s = max(0, submission.position - free) * sum(paces) / len(paces) / slots
        return msgspec.structs.replace(submission, wait_s=round(wait_s, 1))

    @property
    def _is_recent(self) -> bool:
        return time.monotonic() - self._asked_at < _FRESH_S
