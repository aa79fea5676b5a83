"""A user's events again: which came after the one that he has, and whether any are missing.

Each event names the one before it (`prev`), so a hole shows as a broken link: at the beginning of
what is kept it was trimmed, anywhere else the store has lost writes (`fork`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

_PAGE = 200


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


async def read_replay(
    script: Callable[..., Awaitable[Any]], partition: int, user_id: str, after: int | None
) -> Replay:
    """Read the events of *user_id* after the id *after*, or all that are kept for None."""
    events: list[bytes] = []
    position = after or 0
    while True:
        answer = await script("replay", partition, user_id, position, _PAGE)
        head, oldest, page = int(answer[0]), int(answer[1]), answer[2:]
        events += page
        if len(page) < _PAGE:
            break
        position = _link(page[-1])[0]
    if after is None:
        return Replay(head, events, True, None)
    return Replay(head, events, *_continuity(after, head, oldest, events))


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
