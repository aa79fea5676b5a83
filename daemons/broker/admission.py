"""What the `submit` script is told of a submission, and what its answers mean."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from daemons.broker.connection import Argument
from daemons.broker.errors import (
    BrokerError,
    IdempotencyMismatch,
    QueueFull,
    TooFast,
    TooManyOpen,
)
from daemons.config import Config, Limits
from protocol import codec, keys
from protocol.messages import Request, Run, RunRequest, Status, Submission

_IDEMPOTENCY_S = 24 * 3600


class Accepted(NamedTuple):
    """A submission that is in the store and will be judged, whatever dies next."""

    submission: Submission
    created: bool
    durability: str


def submit_arguments(
    partition: int,
    request: Request,
    idempotency_key: str | None,
    config: Config,
    address: str | None,
    request_id: str,
) -> tuple[Argument, ...]:
    """Return the script's arguments, a new id for the submission first.

    Without *address*, where it came from, no rate is asked after: it has come by another door.
    """
    unix_ms = time.time_ns() // 1_000_000
    payload = codec.encode(request)
    return (
        keys.make_submission_id(unix_ms, secrets.randbits(70), partition),
        request.user_id,
        request.priority,
        request.language,
        request.problem_id or "",
        payload,
        hashlib.sha256(idempotency_key.encode()).hexdigest() if idempotency_key else "",
        hashlib.sha256(payload).hexdigest(),
        _IDEMPOTENCY_S,
        *caps_of(config),
        *((0, 0, 0, 0) if address is None else _rates(config.limits)),
        address or "",
        request_id,
    )


def caps_of(config: Config) -> tuple[int, int]:
    """Return how many may wait in one partition, and how many one user may have open.

    No script sees two partitions, so each has its share of the whole queue's depth.
    """
    depth = -(-config.limits.queue_depth // config.store.partitions)
    return depth, config.limits.open_per_user


def _rates(limits: Limits) -> tuple[Argument, ...]:
    return (
        limits.user_per_minute / 60,
        limits.user_burst,
        limits.address_per_minute / 60,
        limits.address_burst,
    )


def read_created(request: Request, answer: Sequence[Any]) -> Submission:
    """Return the submission that the answer ``{created, id, at, position}`` tells of."""
    kind = Run if isinstance(request, RunRequest) else Submission
    return kind(
        id=answer[1].decode(),
        problem_id=request.problem_id,
        user_id=request.user_id,
        language=request.language,
        status=Status.QUEUED,
        position=answer[3],
        created_at=answer[2].decode(),
    )


def refusal_of(user_id: str, answer: Sequence[Any], limits: Limits) -> BrokerError:
    """Return why a submission of *user_id* was not queued, as *answer* of the script says."""
    outcome = answer[0]
    if outcome in (b"user_rate", b"address_rate"):
        who = user_id if outcome == b"user_rate" else "this address"
        return TooFast(f"{who} submits too fast", answer[1] / 1000)
    if outcome == b"full":
        return QueueFull(f"{limits.queue_depth} submissions wait already")
    if outcome == b"user_full":
        return TooManyOpen(f"{user_id} has {limits.open_per_user} unfinished submissions")
    return IdempotencyMismatch("this Idempotency-Key came with another body before")
