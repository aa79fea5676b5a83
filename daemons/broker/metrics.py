"""The store as the place where processes meet to be measured: snapshots, and what waits in it."""

from __future__ import annotations

import time

import structlog
import trio

from daemons.broker.broker import Broker
from daemons.broker.errors import StoreUnavailable
from daemons.metrics import Snapshot, process_name, take_snapshot
from protocol import codec, keys
from protocol.errors import RemoteProtocolError

log = structlog.get_logger()

#: Prometheus asks every 15 s or so; what it sees is at most so old.
_PERIOD_S = 5.0
_KEPT_MS = 20_000


async def publish_metrics(broker: Broker, daemon: str) -> None:
    """Put this process's snapshot into the store every few seconds, until cancelled."""
    name = process_name(daemon)
    while True:
        data = codec.encode(take_snapshot())
        unix_ms = int(time.time() * 1000)
        try:
            await broker.redis.pipeline_of(
                ("SET", keys.metrics(name), data, "PX", _KEPT_MS),
                ("ZADD", keys.METRICS, unix_ms, name),
                ("ZREMRANGEBYSCORE", keys.METRICS, "-inf", unix_ms - 10 * _KEPT_MS),
            )
        except StoreUnavailable:
            log.debug("metrics not published; the store is away")
        await trio.sleep(_PERIOD_S)


async def read_metrics(broker: Broker) -> dict[str, Snapshot]:
    """Return the snapshots of all processes that live, by their names.

    Raises:
        StoreUnavailable: see there.
    """
    names = [name.decode() for name in await broker.redis.call(("ZRANGE", keys.METRICS, 0, -1))]
    if not names:
        return {}
    answers = await broker.redis.call(("MGET", *map(keys.metrics, names)))
    found: dict[str, Snapshot] = {}
    for name, answer in zip(names, answers, strict=True):
        if answer is not None:
            try:
                found[name] = codec.decode(answer, Snapshot)
            except RemoteProtocolError as exc:  # of another version, during an upgrade
                log.warning("metrics unreadable", process=name, reason=str(exc))
    return found


async def oldest_age_s(broker: Broker) -> float:
    """Return how long ago the oldest submission that waits was sent in; 0 if none waits.

    Raises:
        StoreUnavailable: see there.
    """
    answers = await broker.redis.pipeline_of(
        *(
            ("ZRANGE", keys.queued(partition, name), 0, 0)
            for partition in broker.partitions
            for name in keys.QUEUES
        )
    )
    ids = [answer[0].decode() for answer in answers if answer]
    if not ids:
        return 0.0
    oldest_ms = min(keys.created_ms(each) for each in ids)
    return max(0.0, time.time() - oldest_ms / 1000)
