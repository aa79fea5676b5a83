"""What must hold when the chaos is over: every promise kept, every event told, nothing left."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import trio

from daemons.broker import Broker, StoreUnavailable
from protocol import keys
from protocol.messages import Status
from tests.chaos.clients import FINAL, User

#: After the faults, and however much still happens then.
SETTLE_S = 300.0


async def settle(broker: Broker, users: list[User], still_s: float) -> list[str]:
    """Wait until nothing is wrong any more, or nothing has happened for *still_s* seconds.

    Returns:
        What is wrong then, a line each.
    """
    names = sorted({user.name for user in users})
    wrong, seen, moved_at = ["the store never answered"], [-1], trio.current_time()
    with trio.move_on_after(SETTLE_S):
        while wrong and trio.current_time() - moved_at < still_s:
            await trio.sleep(0.1)
            try:
                wrong, heads = await find_losses(broker, users), await broker.heads(names)
            except StoreUnavailable as exc:
                wrong = [str(exc)]
                continue
            now = [*heads, *(len(user.events) for user in users)]
            if now != seen:
                seen, moved_at = now, trio.current_time()
    return wrong


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
            told = [event for event in story if event["submission_id"] == submission_id]
            wrong += await _check_submission(broker, user, submission_id, told)
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
    broker: Broker, user: User, submission_id: str, told: list[dict[str, Any]]
) -> list[str]:
    submission = await broker.get(submission_id)
    if submission is None:
        return [f"{submission_id}: answered 202 and not in the store"]
    if submission.status not in (Status.DONE, Status.CANCELLED):
        where = await _find_traces(broker, submission_id)
        return [f"{submission_id}: still {submission.status}; {where}; {_last_steps(told)}"]
    kinds = [event["type"] for event in told]
    wrong = _check_generations(user, submission_id, kinds)
    if (starts := kinds.count("submission.started")) != submission.attempt:
        wrong.append(f"{submission_id}: {starts} starts, attempt {submission.attempt}")
    return wrong


def _check_generations(user: User, submission_id: str, kinds: list[str]) -> list[str]:
    """Check that each judging, the first and those again, began once and ended once."""
    turns = [kind for kind in kinds if kind == "submission.queued" or kind in FINAL]
    finals = [kind for kind in turns if kind in FINAL]
    again = turns.count("submission.queued") - 1
    wrong = []
    if turns[::2] != ["submission.queued"] * len(finals) or turns[1::2] != finals:
        wrong.append(f"{submission_id}: {len(finals)} final events of {again + 1} judgings")
    if user.rejudged[submission_id] > again:
        wrong.append(
            f"{submission_id}: {again} of {user.rejudged[submission_id]} rejudgings took place"
        )
    if submission_id in user.cancelled and "submission.cancelled" not in finals:
        wrong.append(f"{submission_id}: answered that it was cancelled, and was not")
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
