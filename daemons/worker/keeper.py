"""The worker's duties beside judging: heartbeat, presence, cancellations, and repair.

Every worker repairs, so there is no single sweeper to lose. Each of the four is a task of its own
that outlives an absent store.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import structlog
import trio

from daemons.broker import (
    Broker,
    Claims,
    EventHub,
    EventsInterrupted,
    Lease,
    StoreUnavailable,
)
from daemons.worker.alive import is_dead
from daemons.worker.holdings import Holdings
from protocol import keys
from protocol.messages import WorkerInfo

log = structlog.get_logger()

_RETRY_S = 0.5
_JANITOR_S = 60.0
_DAY_MS = 86_400_000


class _Watch:
    """Since when, by this process's own clock, a lease was seen with its number; who holds it.

    *dead* says that the holder was known to be dead at the last look.
    """

    __slots__ = ("dead", "holder", "since")

    def __init__(self, since: float, holder: str) -> None:
        self.since = since
        self.holder = holder
        self.dead = False

    def is_over(self, now: float, lease_s: float) -> bool:
        """Tell whether the holder has been silent for a lease, or dead for two looks.

        At the first one what it ran may still be ending.
        """
        was_dead, self.dead = self.dead, is_dead(self.holder)
        return now - self.since >= lease_s or (was_dead and self.dead)


class Keeper:
    """The attendants of one worker; *describe* says what it tells of itself."""

    def __init__(
        self,
        broker: Broker,
        claims: Claims,
        holdings: Holdings,
        describe: Callable[[], WorkerInfo],
    ) -> None:
        self._broker = broker
        self._claims = claims
        self._holdings = holdings
        self._describe = describe
        self._settings = broker.config.worker
        #: Set once others can see that this worker lives, and what it offers.
        self.shown = trio.Event()
        #: The leases as they stood at the last look.
        self._seen: dict[Lease, _Watch] = {}

    async def beat(self) -> None:
        """Prolong the leases of what is held, and show that this worker lives."""
        while True:
            wait_s = self._settings.beat_s
            since = trio.current_time()
            try:
                await self._beat_once(since)
            except StoreUnavailable as exc:
                wait_s = min(wait_s, _RETRY_S)
                if self._holdings:
                    log.warning("heartbeat failed", reason=str(exc), held=len(self._holdings))
            await trio.sleep(wait_s)

    async def _beat_once(self, since: float) -> None:
        held = self._holdings.claims()
        fenced = await self._claims.beat(held)
        for claim in held:
            if claim in fenced:
                if self._holdings.fence(claim):
                    log.warning("fenced", submission=claim.submission_id, attempt=claim.attempt)
            else:
                self._holdings.confirm(claim, since)
        await self._claims.show(self._describe(), await self._claims.server_ms())
        self.shown.set()

    async def obey(self, hub: EventHub, partition: int) -> None:
        """Drop what its user has cancelled; what this misses, the next heartbeat finds."""
        while True:
            try:
                async with hub.listen(keys.control(partition)) as feed:
                    while True:
                        try:
                            told = await feed.receive()
                        except EventsInterrupted:
                            continue
                        # Anybody with access to the store can publish anything.
                        id_, _, token = told.decode(errors="replace").partition("|")
                        self._holdings.drop(id_, "cancelled", token=token)
            except StoreUnavailable:
                await trio.sleep(_RETRY_S)

    async def sweep(self) -> None:
        """Take back what dead workers held, and put back what was popped and never claimed."""
        while True:
            await trio.sleep(self._settings.sweep_s * random.uniform(0.8, 1.2))
            try:
                await self.expire_leases()
                if count := await self._claims.repair():
                    log.warning("popped and never claimed: put back", hints=count)
            except StoreUnavailable:
                # Nobody could give a sign of life either: what was seen before says nothing now.
                self._seen.clear()

    async def expire_leases(self) -> None:
        """Expire the leases that this process has watched for a whole lease without a heartbeat.

        By its own clock: the server's may jump. Those of workers that died on this machine are not
        watched for so long.
        """
        before = trio.current_time()
        leases = await self._claims.leases()
        new = [lease for lease in leases if lease not in self._seen]
        holders = dict(zip(new, await self._claims.holders(new), strict=True))
        # From after this look to before a later one: however long either took, the holder has been
        # silent for longer, and has stopped its run.
        after = trio.current_time()
        self._seen = {
            lease: self._seen.get(lease) or _Watch(after, holders[lease]) for lease in leases
        }
        for lease, watch in list(self._seen.items()):
            if not watch.is_over(before, self._settings.lease_s):
                continue
            outcome = await self._claims.expire(lease)
            if outcome != "no":
                log.warning("worker lost", submission=lease.submission_id, outcome=outcome)

    async def clean(self) -> None:
        """Delete finished submissions that are older than the configured days."""
        while True:
            await trio.sleep(_JANITOR_S * random.uniform(0.5, 1.5))
            age_ms = self._broker.config.limits.retain_days * _DAY_MS
            try:
                # Until nothing is left: some at a time, so that nobody waits long meanwhile.
                while count := await self._claims.forget(age_ms):
                    log.info("old submissions deleted", count=count)
            except StoreUnavailable:
                continue
