"""Server-Sent Events of one submission: what happened, what happens, until it is judged.

Events are those of the WebSocket, filtered to one submission; their ids are the stream's ids, so a
browser that reconnects says in `Last-Event-ID` what it has, and gets the rest. Where the history no
longer reaches back, an event `state` with the whole submission stands in for what is missing. The
end of a judged submission's story ends the stream; a client that comes back for more gets 204,
which tells an EventSource to stay away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated

import msgspec
import trio
from quart import Response

from daemons.api.auth import Gate
from daemons.api.errors import not_found
from daemons.api.routes import Answer, Route
from daemons.api.store import patience
from daemons.api.waiting import cancel_when
from daemons.broker import Broker, EventHub, Feed, Replay
from daemons.broker.errors import EventsInterrupted, StoreUnavailable
from daemons.tokens import Scope
from protocol.codec import decode, encode
from protocol.lifecycle import FINAL
from protocol.messages import Event, EventType, Submission

#: Below the 30 s after which proxies drop a connection that says nothing.
_ALIVE_S = 15.0
_ALIVE = b": alive\n\n"
_FINAL_EVENTS = frozenset(type_.value for type_ in EventType if type_.final)


class EventHeaders(msgspec.Struct, frozen=True):
    """The id of the last event that the client has."""

    last_event_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = msgspec.field(
        name="Last-Event-ID", default=None
    )


class SubmissionEvents:
    """The handler of `/submissions/{id}/events`; streams end when *stopping* is set."""

    def __init__(self, broker: Broker, hub: EventHub, gate: Gate, stopping: trio.Event) -> None:
        self._broker = broker
        self._hub = hub
        self._gate = gate
        self._stopping = stopping

    def routes(self) -> list[Route]:
        """Return the route."""
        stream = Answer(description="Its events as they come.", media="text/event-stream")
        over = Answer(description="It is over, and the client has all.", media="")
        return [
            Route(method="GET", path="/submissions/<submission_id>/events", handler=self.follow,
                  scope=Scope.READ, summary="Its events as Server-Sent Events, until it is judged.",
                  headers=EventHeaders, answers={200: stream, 204: over}, errors=(404, 422, 503)),
        ]  # fmt: skip

    async def follow(self, submission_id: str, headers: EventHeaders) -> Response:
        """Answer with the submission's events after the one that the client has."""
        after = headers.last_event_id
        with patience():
            found = await self._broker.get(submission_id)
        if found is None or not self._gate.owns(Scope.READ, found.user_id):
            raise not_found(f"there is no submission {submission_id[:64]!r}")
        if after is not None and found.status in FINAL and not await self._missed(found, after):
            return Response(b"", 204)
        response = Response(
            _Stream(self._broker, self._hub, self._stopping, found, after),
            content_type="text/event-stream",
        )
        response.headers["Cache-Control"] = "no-store"
        # nginx would keep events back until it has a block full of them.
        response.headers["X-Accel-Buffering"] = "no"
        return response

    async def _missed(self, submission: Submission, after: int) -> bool:
        """Tell whether anything of it came after the event *after*, as far as is known."""
        with patience():
            replay = await self._broker.replay(submission.user_id, after)
        needle = submission.id.encode()
        return not replay.recovered or any(needle in raw for raw in replay.events)


class _Stream:
    """The body of an answer: one client's stream. Quart iterates over it, and closes it."""

    def __init__(
        self,
        broker: Broker,
        hub: EventHub,
        stopping: trio.Event,
        submission: Submission,
        after: int | None,
    ) -> None:
        self._broker = broker
        self._hub = hub
        self._stopping = stopping
        self._user_id = submission.user_id
        self._story = _Story(submission.id, after)
        self._subscription = AsyncExitStack()
        self._feed: Feed | None = None
        self._waiting: deque[bytes] = deque()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            while not self._waiting:
                if self._story.over or self._stopping.is_set():
                    raise StopAsyncIteration
                self._waiting.extend(await self._more())
        except StoreUnavailable:
            # The stream ends, and the client comes back.
            raise StopAsyncIteration from None
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """End the subscription."""
        await self._subscription.aclose()

    async def _more(self) -> list[bytes]:
        """Return what can be told next; nothing if there was only something of others."""
        if self._feed is None:
            subscription = self._hub.subscribe(self._user_id)
            self._feed = await self._subscription.enter_async_context(subscription)
        if not self._story.behind:
            raw = await self._next(self._feed)
            told = None if self._stopping.is_set() else self._story.take(raw)
            return [told] if told else []
        # What came before is in the history: at the start, and after a gap.
        with patience():
            state = await self._broker.get(self._story.submission_id)
            replay = await self._broker.replay(self._user_id, self._story.position)
        return self._story.catch_up(state, replay)

    async def _next(self, feed: Feed) -> bytes | None:
        """Return the next live event; `_ALIVE` when there was none for long; None after a gap."""
        found: bytes | None = _ALIVE
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = trio.current_time() + _ALIVE_S
            nursery.start_soon(cancel_when, self._stopping, nursery.cancel_scope)
            try:
                found = await feed.receive()
            except EventsInterrupted:
                found = None
            nursery.cancel_scope.cancel(reason="an event is there")
        return found


class _Story:
    """What one stream has told, and whether anything is left to tell."""

    def __init__(self, submission_id: str, after: int | None) -> None:
        self.submission_id = submission_id
        #: Id of the last event of the user that is accounted for; None before the first look.
        self.position = after
        self.behind = True
        self.over = False
        #: Whether the last event told was an end; one that is judged again goes on after it.
        self._ended = False

    def catch_up(self, state: Submission | None, replay: Replay) -> list[bytes]:
        """Return what the history tells, and the state where some of it is missing."""
        told = [chunk for raw in replay.events if (chunk := self._tell(raw))]
        if state is not None and (not replay.recovered or (self.position is None and not told)):
            told.insert(0, b"event: state\ndata: %b\n\n" % encode(state))
        self.position = replay.head
        self.behind = False
        self.over = self._ended or state is None or state.status in FINAL
        return told

    def take(self, raw: bytes | None) -> bytes | None:
        """Return what a live event tells, if anything; None in its place is a gap."""
        if raw is None or raw == _ALIVE:
            self.behind = raw is None
            return raw
        event = decode(raw, Event)
        assert self.position is not None
        if event.id <= self.position:
            return None
        if event.prev != self.position:
            self.behind = True
            return None
        self.position = event.id
        told = self._tell(raw)
        self.over = self._ended
        return told

    def _tell(self, raw: bytes) -> bytes | None:
        if self.submission_id.encode() not in raw:
            return None
        event = decode(raw, Event)
        if event.submission_id != self.submission_id:
            return None
        self._ended = event.type in _FINAL_EVENTS
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.type.encode(), raw)
