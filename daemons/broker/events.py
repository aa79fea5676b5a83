"""Live events: one pub/sub connection per process, channels by user, reference-counted.

Theory of operation. PUBLISH reaches whoever is subscribed at that moment and nobody else, so a
subscription proves nothing about the past: a reader subscribes, waits for the confirmation, replays
the history (`Broker.replay`), and then reads live. Whenever the hub can't vouch that a feed is
whole (the connection was lost, or the reader too slow), the feed says `EventsInterrupted` once, as
soon as the subscription is live again, and the reader replays. Who has thousands of channels does
without feeds, and so without a task for each: he attaches a `Listener`, which is called.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import trio

from daemons.broker.client import Redis, open_redis
from daemons.broker.connection import Connection
from daemons.broker.errors import EventsInterrupted, StoreUnavailable
from daemons.config import Config
from protocol import keys

_CONFIRM_S = 1.0
_BATCH = 1000
#: Events that may wait for one reader; beyond, he replays the history, which has them all.
_FEED_EVENTS = 256


class Listener(Protocol):
    """Whoever hears a channel's events. The hub calls it; none of it waits, and none raises."""

    def confirm(self) -> None:
        """Know that from here on every event comes: for the first time, or again after a loss."""

    def put(self, raw: bytes) -> None:
        """Take an event, as published."""


class Feed:
    """One reader's live events, as published: JSON bytes. Iterate over it, or `receive`."""

    def __init__(self) -> None:
        self._begun = trio.Event()
        self._events: deque[bytes] = deque()
        self._interrupted = False
        self._arrived = trio.Event()

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> bytes:
        return await self.receive()

    async def wait_begun(self) -> None:
        """Wait until it is live for the first time."""
        await self._begun.wait()

    async def receive(self) -> bytes:
        """Return the next event; wait for it if there is none. Cancelling loses nothing.

        Raises:
            EventsInterrupted: some may have been missed up to now; replay, then go on.
        """
        while not self._events and not self._interrupted:
            self._arrived = trio.Event()
            await self._arrived.wait()
        if self._interrupted:
            self._interrupted = False
            raise EventsInterrupted("replay the history")
        return self._events.popleft()

    def confirm(self) -> None:
        """Begin; from the second time on, there has been a gap."""
        if self._begun.is_set():
            self._interrupt()
        self._begun.set()

    def put(self, raw: bytes) -> None:
        """Add an event."""
        if len(self._events) >= _FEED_EVENTS:
            self._interrupt()
        elif not self._interrupted:
            self._events.append(raw)
            self._arrived.set()

    def _interrupt(self) -> None:
        # Whatever waits here is in the history that he replays.
        self._events.clear()
        self._interrupted = True
        self._arrived.set()


class _Channel:
    """One subscription and the listeners that share it."""

    __slots__ = ("confirmed", "listeners")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.confirmed = False

    def confirm(self) -> None:
        """Let everybody begin, or know of a gap."""
        self.confirmed = True
        for listener in self.listeners:
            listener.confirm()


class EventHub:
    """All subscriptions of a process; make one with `open_event_hub`."""

    def __init__(self, config: Config) -> None:
        self._partitions = config.store.partitions
        self._channels: dict[bytes, _Channel] = {}
        # A SUBSCRIBE that is on its way. Only the answer to the last one proves anything, for an
        # UNSUBSCRIBE may lie between.
        self._asked: Counter[bytes] = Counter()
        self.redis: Redis | None = None

    @asynccontextmanager
    async def subscribe(self, user_id: str) -> AsyncIterator[Feed]:
        """Open a feed of the events of *user_id*: all from the moment on at which this enters.

        Raises:
            StoreUnavailable: the subscription was not confirmed within a second.
        """
        async with self.listen(self.channel_of(user_id)) as feed:
            yield feed

    @asynccontextmanager
    async def listen(self, channel_name: str) -> AsyncIterator[Feed]:
        """Open a feed of any channel; otherwise as `subscribe`."""
        feed = Feed()
        self.attach(channel_name, feed)
        try:
            with trio.move_on_after(_CONFIRM_S) as scope:
                await feed.wait_begun()
            if scope.cancelled_caught:
                raise StoreUnavailable("the store confirmed no subscription")
            yield feed
        finally:
            self.detach(channel_name, feed)

    def attach(self, channel_name: str, listener: Listener) -> None:
        """Let *listener* hear a channel until `detach`; costs no task, and needs no store by now.

        What it is told is whole from its first `confirm` on, and after a loss from the next one.
        """
        assert self.redis is not None
        name = channel_name.encode()
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel()
            self._ask(name)
        channel.listeners.append(listener)
        if channel.confirmed and self.redis.connected:
            listener.confirm()

    def detach(self, channel_name: str, listener: Listener) -> None:
        """Tell *listener* no more."""
        assert self.redis is not None
        name = channel_name.encode()
        channel = self._channels[name]
        channel.listeners.remove(listener)
        if not channel.listeners:
            del self._channels[name]
            self.redis.post("UNSUBSCRIBE", name)

    def channel_of(self, user_id: str) -> str:
        """Return the name of the channel of *user_id*'s events."""
        return keys.events(keys.partition_of_user(user_id, self._partitions), user_id)

    def _ask(self, name: bytes) -> None:
        assert self.redis is not None
        if self.redis.connected:
            self._asked[name] += 1
            self.redis.post("SUBSCRIBE", name)

    async def resubscribe(self, connection: Connection) -> None:
        """Subscribe to everything on a new connection."""
        for channel in self._channels.values():
            channel.confirmed = False
        names = list(self._channels)
        self._asked = Counter(names)
        for start in range(0, len(names), _BATCH):
            connection.post("SUBSCRIBE", *names[start : start + _BATCH])

    def push(self, message: list[Any]) -> None:
        """Take one push message off the wire."""
        kind, name = message[0], message[1]
        channel = self._channels.get(name)
        if kind == b"message" and channel is not None:
            for listener in channel.listeners:
                listener.put(message[2])
        elif kind == b"subscribe":
            self._asked[name] -= 1
            if self._asked[name] <= 0:
                del self._asked[name]
                if channel is not None:
                    channel.confirm()

    async def watch(self, ping_s: float) -> None:
        """Ask now and then whether the connection is alive; a silent one ends by its time-out."""
        assert self.redis is not None
        while True:
            await trio.sleep(ping_s)
            try:
                await self.redis.call(("PING",))
            except StoreUnavailable:
                continue  # it is being made anew


@asynccontextmanager
async def open_event_hub(
    config: Config, *, name: str, ping_s: float = 10.0, reply_s: float = 5.0
) -> AsyncIterator[EventHub]:
    """Open a hub on its own connection; *name* shows in the server's CLIENT LIST.

    A partition is noticed by a ping each *ping_s* that is not answered within *reply_s*.
    """
    hub = EventHub(config)
    async with open_redis(
        config.store_url(),
        name=name,
        reply_s=reply_s,
        on_connect=hub.resubscribe,
        on_push=hub.push,
    ) as redis:
        hub.redis = redis
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.watch, ping_s)
            try:
                yield hub
            finally:
                nursery.cancel_scope.cancel()
