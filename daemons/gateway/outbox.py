"""What waits to be sent to one client, and what may be sent next. No I/O, no clock.

The store's history is the truth; this memory only saves reading it. So the policy on overflow is
*drop and replay*: an outbox that is full forgets what it held and marks itself `behind`, and the
writer, when it is free again, reads the history from the last event that it sent. A client that
reads slowly costs no more memory than one full outbox, whatever happens meanwhile.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import NamedTuple

import msgspec

#: An outbox holds no more than this, however few events that is: one event with the output of a
#: compiler can have 64 KiB.
MAX_OUTBOX_BYTES = 1 << 20


class _Head(msgspec.Struct, gc=False):
    id: int
    prev: int


_heads = msgspec.json.Decoder(_Head)


class RawEvent(NamedTuple):
    """One event as it goes out: the JSON text as the store gave it, and its place in the order."""

    id: int
    prev: int
    text: str


def parse_event(raw: bytes) -> RawEvent:
    """Return *raw*, one event's JSON, with its place in the order; nothing is encoded anew.

    Raises:
        ValueError: it is no JSON object with the integers `id` and `prev`.
    """
    head = _heads.decode(raw)
    return RawEvent(head.id, head.prev, raw.decode())


class Step(Enum):
    """What to do with the next event, given the last one that the client has."""

    SEND = "it follows the last one"
    DROP = "the client has it"
    REPLAY = "something is missing before it"


def next_step(last: int, event: RawEvent) -> Step:
    """Compare *event* with the id of the *last* one sent: this alone makes order and no doubles."""
    if event.id <= last:
        return Step.DROP
    return Step.SEND if event.prev == last else Step.REPLAY


class Outbox:
    """Events that wait for one client's writer: at most *max_events* and `MAX_OUTBOX_BYTES`."""

    __slots__ = ("_bytes", "_events", "_max_events", "behind")

    def __init__(self, max_events: int) -> None:
        #: The history has what this outbox has not: read it before anything else is sent.
        self.behind = False
        self._events: deque[RawEvent] | None = None
        self._bytes = 0
        self._max_events = max_events

    def __len__(self) -> int:
        """Return how many events wait."""
        return len(self._events or ())

    def put(self, event: RawEvent) -> None:
        """Append *event*; when that is too much, forget everything and be `behind`."""
        if self.behind:
            return
        if self._events is None:
            # An idle client is the common one, and an empty deque has 760 bytes.
            self._events = deque()
        self._events.append(event)
        self._bytes += len(event.text)
        if len(self._events) > self._max_events or self._bytes > MAX_OUTBOX_BYTES:
            self.fall_behind()

    def take(self) -> RawEvent | None:
        """Remove and return the oldest event, or None when there is none."""
        if not self._events:
            self._events = None
            return None
        event = self._events.popleft()
        self._bytes -= len(event.text)
        return event

    def fall_behind(self) -> None:
        """Forget everything: the history has it."""
        self._clear()
        self.behind = True

    def start_over(self) -> None:
        """Forget everything and collect anew, just before the history is read."""
        self._clear()
        self.behind = False

    def _clear(self) -> None:
        self._events = None
        self._bytes = 0
