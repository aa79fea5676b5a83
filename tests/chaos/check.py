"""What must hold when the chaos is over: every promise kept, every event told, nothing left."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import msgspec

from daemons.broker import Broker
from protocol import keys
from protocol.messages import Status
from tests.chaos.clients import User

_FINAL = ("submission.judged", "submission.cancelled")


async def find_losses(broker: Broker, users: list[User]) -> list[str]:
    """Return what is wrong, a line each."""
    wrong: list[str] = []
    for user in users:
        history = [
            msgspec.json.decode(raw) for raw in (await broker.replay(user.name, None)).events
        ]
        wrong += _check_told(user, history)
        # A long round outgrows the history: what was trimmed counts as the user was told it, and
        # the links show whether he was told all of it.
        known = user.events | {event["id"]: event for event in history}
        story = [known[id_] for id_ in sorted(known)]
        wrong += _check_chain(user, story)
        for submission_id in user.accepted:
            wrong += await _check_submission(broker, submission_id, story)
    wrong += await _check_indexes(broker)
    return wrong


def _check_chain(user: User, history: list[dict[str, Any]]) -> list[str]:
    links = itertools.pairwise([{"id": 0}, *history])
    return [
        f"{user.name}: event {after['id']} follows {after['prev']}, not {before['id']}"
        for before, after in links
        if after["prev"] != before["id"]
    ]


def _check_told(user: User, history: list[dict[str, Any]]) -> list[str]:
    kept = {event["id"]: event for event in history}
    oldest = min(kept, default=0)
    missed = kept.keys() - user.events.keys()
    invented = {event for event in user.events.keys() - kept.keys() if event >= oldest}
    different = [id_ for id_ in kept.keys() & user.events.keys() if kept[id_] != user.events[id_]]
    return [
        f"{user.name}: {len(ids)} events {what}: {sorted(ids)[:3]}"
        for what, ids in (
            ("missed", missed),
            ("told but not in the history", invented),
            ("told differently", different),
        )
        if ids
    ]


async def _check_submission(
    broker: Broker, submission_id: str, history: list[dict[str, Any]]
) -> list[str]:
    submission = await broker.get(submission_id)
    if submission is None:
        return [f"{submission_id}: answered 202 and not in the store"]
    if submission.status not in (Status.DONE, Status.CANCELLED):
        told = [event for event in history if event["submission_id"] == submission_id]
        where = await _find_traces(broker, submission_id)
        return [f"{submission_id}: still {submission.status}; {where}; {_last_steps(told)}"]
    kinds = Counter(event["type"] for event in history if event["submission_id"] == submission_id)
    wrong = []
    if (finals := sum(kinds[kind] for kind in _FINAL)) != 1:
        wrong.append(f"{submission_id}: {finals} final events")
    if kinds["submission.started"] != submission.attempt:
        wrong.append(
            f"{submission_id}: {kinds['submission.started']} starts, attempt {submission.attempt}"
        )
    return wrong


async def _find_traces(broker: Broker, submission_id: str) -> str:
    """Tell where the store still knows an unfinished submission from: backlog, or a loss."""
    part = keys.partition_of_submission(submission_id)
    assert part is not None
    key = keys.submission(part, submission_id)
    names = ("queue", "seq", "attempt", "tries", "worker", "limbo")
    values = await broker.redis.call(("HMGET", key, *names))
    queue, seq = ((value or b"").decode() for value in values[:2])
    hint, waiting = f"{seq}|{submission_id}", keys.queue(part, queue)
    found = await broker.redis.pipeline_of(
        ("ZSCORE", keys.queued(part, queue), submission_id),
        ("ZSCORE", keys.leases(part), submission_id),
        ("LPOS", waiting, hint),
        ("LLEN", waiting),
        ("TIME",),
    )
    record = [
        f"{name}={value.decode()}" for name, value in zip(names, values, strict=True) if value
    ]
    places = zip(("indexed as", "lease", "place in list", "of", "server time"), found, strict=True)
    return " ".join([*record, *(f"{name}: {value}" for name, value in places)])


def _last_steps(told: list[dict[str, Any]]) -> str:
    return "last told " + ", ".join(f"{event['type']} {event['at']}" for event in told[-3:])


async def _check_indexes(broker: Broker) -> list[str]:
    status = await broker.queue_status()
    wrong = [f"{status} is left in the indexes"] if status.depth or status.running else []
    lists = [keys.queue(part, name) for part in broker.partitions for name in keys.QUEUES]
    lengths = await broker.redis.pipeline_of(*(("LLEN", name) for name in lists))
    left = zip(lists, lengths, strict=True)
    return wrong + [f"{length} hints are left in {name}" for name, length in left if length]
