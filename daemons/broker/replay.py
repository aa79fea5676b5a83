"""A user's events again: which came after the one that he has, and whether any are missing.

Each event names the one before it (`prev`), so a hole shows as a broken link: at the beginning of
what is kept it was trimmed, anywhere else the store has lost writes (`fork`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

_PAGE = 100
#: No history is as long.
_ALL = 1 << 53


class Replay(NamedTuple):
    """A user's events after some id, oldest first.

    Attributes:
        head: id of his newest event. events: the JSON of each, as it was published.
        whole: whether *events* go up to *head*; if not, the rest is read with the last one's id.
        recovered: whether nothing is missing between the id and the first of them.
        reason: if not, ``trimmed`` (too long ago) or ``fork`` (the store lost what was seen).
    """

    head: int
    events: list[bytes]
    whole: bool
    recovered: bool
    reason: str | None


async def read_replay(
    script: Callable[..., Awaitable[Any]],
    partition: int,
    user_id: str,
    after: int | None,
    max_bytes: int | None,
) -> Replay:
    """Read the events of *user_id* after the id *after*, or all that are kept for None.

    It stops before it has more than *max_bytes*, but not before it has one.
    """
    events: list[bytes] = []
    position, left_bytes = after or 0, max_bytes or _ALL
    while True:
        page = _Page.of(await script("replay", partition, user_id, position, _PAGE, left_bytes))
        # Every page has one event at least, and that may be one too many.
        fits = not events or page.size_bytes <= left_bytes
        if fits:
            events += page.events
            left_bytes -= page.size_bytes
        if not (fits and page.more and left_bytes > 0):
            break
        position = _link(events[-1])[0]
    whole = fits and not page.more
    if after is None:
        return Replay(page.head, events, whole, True, None)
    recovered, reason = _continuity(after, page.head, page.oldest, events)
    if page.forgotten and not recovered:
        reason = "trimmed"  # whatever the links say: not even the head is kept for so long
    return Replay(page.head, events, whole, recovered, reason)


class _Page(NamedTuple):
    """What the script answers: *more* than these events, *forgotten* whatever came before."""

    head: int
    oldest: int
    forgotten: bool
    more: bool
    events: list[bytes]

    @classmethod
    def of(cls, answer: list[Any]) -> _Page:
        return cls(int(answer[0]), int(answer[1]), bool(answer[2]), bool(answer[3]), answer[4:])

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.events))


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
