"""`?wait=`: hold the answer to a submission until it is judged, for a bounded time.

The subscription comes before the submission, so the final event cannot be missed; when events may
have been missed for another reason, the state in the store decides. A client that goes away cancels
only the waiting.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import trio

from daemons.api.store import patience
from daemons.broker import Broker, EventHub, Feed
from daemons.broker.errors import EventsInterrupted, StoreUnavailable
from protocol.codec import decode
from protocol.errors import RemoteProtocolError
from protocol.lifecycle import FINAL
from protocol.messages import Event, EventType, Submission

_FINAL_EVENTS = frozenset(type_.value for type_ in EventType if type_.final)


class Waiting:
    """Waits for verdicts; gives up early when *stopping* is set, since the process has to end."""

    def __init__(self, broker: Broker, hub: EventHub, stopping: trio.Event) -> None:
        self._broker = broker
        self._hub = hub
        self._stopping = stopping

    def subscribe(self, user_id: str) -> AbstractAsyncContextManager[Feed]:
        """Open a feed of the user's events that is live when the block begins.

        Raises:
            StoreUnavailable: it did not become so within a second.
        """
        return self._hub.subscribe(user_id)

    async def until_done(self, feed: Feed, submission: Submission, wait_s: float) -> Submission:
        """Return *submission* as soon as it is done, or as it is *wait_s* from now."""
        if submission.status not in FINAL:
            async with trio.open_nursery() as nursery:
                nursery.cancel_scope.deadline = trio.current_time() + wait_s
                nursery.start_soon(cancel_when, self._stopping, nursery.cancel_scope)
                await self._final_event(feed, submission.id)
                nursery.cancel_scope.cancel(reason="the verdict is there")
        try:
            with patience():
                return await self._broker.get(submission.id) or submission
        except StoreUnavailable:
            # It is stored, and that is what the answer says.
            return submission

    async def _final_event(self, feed: Feed, submission_id: str) -> None:
        """Return once the submission is done, as far as events or the store tell."""
        needle = submission_id.encode()
        while True:
            try:
                async for raw in feed:
                    if needle in raw and _ends(raw, submission_id):
                        return
            except EventsInterrupted:
                if await self._is_done(submission_id):
                    return

    async def _is_done(self, submission_id: str) -> bool:
        try:
            submission = await self._broker.get(submission_id)
        except StoreUnavailable:
            return False
        return submission is not None and submission.status in FINAL


def _ends(raw: bytes, submission_id: str) -> bool:
    try:
        event = decode(raw, Event)
    except RemoteProtocolError:
        return False  # anybody with access to the store can publish anything
    return event.submission_id == submission_id and event.type in _FINAL_EVENTS


async def cancel_when(stopping: trio.Event, scope: trio.CancelScope) -> None:
    """Cancel *scope* once *stopping* is set."""
    await stopping.wait()
    scope.cancel(reason="the API is stopping")
