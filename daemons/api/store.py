"""How long a request waits for the store, and what is remembered of its answers for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from daemons.broker import Broker
from daemons.broker.errors import StoreUnavailable
from protocol.messages import LanguageInfo, WorkerInfo

#: A read that takes longer is answered with 503: the promise is an answer within a second.
READ_S = 0.9
#: A write may wait for the disk, and to give up leaves it open whether the submission is stored.
WRITE_S = 5.0
#: Workers say that they live every few seconds, so asking more often tells nothing new.
_FRESH_S = 1.0


@contextmanager
def patience(limit_s: float = READ_S, *, shield: bool = False) -> Iterator[None]:
    """Give the calls in the block *limit_s* altogether.

    With *shield* nothing but the limit ends them: for a write that must not stop half-way because
    its client has gone.

    Raises:
        StoreUnavailable: the limit has passed.
    """
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

    @property
    def _is_recent(self) -> bool:
        return time.monotonic() - self._asked_at < _FRESH_S
