"""Which users have sockets here, and how their events get to each of those.

One `Channel` per user with at least one socket, which listens to the broker's hub: an event
is parsed once and then handed to each member. The channel never waits for a member.

A subscription that was lost and is live again is in doubt: something may have been published in
between. Most often nothing was, so the newest ids of all users in doubt are read together, and only
who lacks his falls behind and reads the history; ten thousand histories would take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import trio

from daemons.broker import Broker, EventHub, Replay, StoreUnavailable
from daemons.gateway.outbox import MAX_OUTBOX_BYTES, RawEvent, parse_event
from daemons.logs import log

#: How often everyone's position is compared with the store: no loss stays unnoticed for longer.
HEAD_CHECK_S = 30.0
_HEADS_AT_ONCE = 500
#: Until those in doubt are looked at once more, after the store gave no answer.
_RETRY_S = 0.1
#: Histories being read at one time; after a restart of the store everybody wants his.
_REPLAYS_AT_ONCE = 64


class TooManySockets(Exception):
    """This user has as many sockets here as one user may."""


class Member(Protocol):
    """One socket, as its user's channel sees it. None of these waits, and none raises."""

    @property
    def position(self) -> int | None:
        """The id of the last event sent; None before the first."""

    def put(self, event: RawEvent) -> None:
        """Take *event*, the next that was published."""

    def fall_behind(self) -> None:
        """Read the history: events may have been missed."""

    def prove_again(self, name: str) -> None:
        """Show that this socket lives, if its client goes by *name*: another of that has come."""


class Channel:
    """One user's sockets; listens to his events, and hands them on."""

    __slots__ = ("_doubt", "live", "members", "user_id")

    def __init__(self, user_id: str, doubt: Callable[[str], None]) -> None:
        self.user_id = user_id
        self._doubt = doubt
        # Few, and most often one: a set would take 130 bytes more.
        self.members: list[Member] = []
        #: Set once the subscription is confirmed: from then on nothing is missed unnoticed.
        self.live = trio.Event()

    def confirm(self) -> None:
        """Be live, or live again after a loss: then something may have been missed."""
        if self.live.is_set():
            self._doubt(self.user_id)
        self.live.set()

    def put(self, raw: bytes) -> None:
        """Hand one published event to every member."""
        try:
            event = parse_event(raw)
        except ValueError as exc:
            # Anybody with access to Redis can publish anything.
            log.warning("not an event", user_id=self.user_id, error=str(exc))
            return
        for member in self.members:
            member.put(event)


class Hub:
    """The channels of this process.

    Args:
        broker: for history. events: for what happens now. max_per_user: sockets of one user.
        nursery: where the channels' tasks live.
    """

    def __init__(self, broker: Broker, events: EventHub, max_per_user: int) -> None:
        self._broker = broker
        self._events = events
        self._max_per_user = max_per_user
        self._channels: dict[str, Channel] = {}
        #: Users whose subscription was lost and is live again.
        self._in_doubt: set[str] = set()
        self._doubt_came = trio.Event()
        self._note_doubt = self._doubt  # one bound method for all channels
        self._replays = trio.CapacityLimiter(_REPLAYS_AT_ONCE)

    @contextmanager
    def joined(self, user_id: str, member: Member) -> Iterator[Channel]:
        """Make *member* one of *user_id*'s sockets while the block runs.

        Raises:
            TooManySockets: see there.
        """
        channel = self._channels.get(user_id)
        if channel is None:
            channel = self._channels[user_id] = Channel(user_id, self._note_doubt)
            self._events.attach(self._events.channel_of(user_id), channel)
        elif len(channel.members) >= self._max_per_user:
            raise TooManySockets(f"more than {self._max_per_user} sockets of one user")
        channel.members.append(member)
        try:
            yield channel
        finally:
            channel.members.remove(member)
            if not channel.members:
                del self._channels[user_id]
                self._events.detach(self._events.channel_of(user_id), channel)

    async def read_history(self, user_id: str, after: int) -> Replay:
        """Return what *user_id* missed since *after*.

        After a fork, *after* means nothing any more, and it is all that the history has.

        Raises:
            StoreUnavailable: the store is away.
        """
        async with self._replays:
            # A client who reads slowly would keep a long history in memory while he does: he gets
            # as much as an outbox holds, and the rest is read again when that is out.
            replay = await self._broker.replay(user_id, after, MAX_OUTBOX_BYTES)
            if replay.reason == "fork":
                kept = await self._broker.replay(user_id, None, MAX_OUTBOX_BYTES)
                replay = kept._replace(recovered=False, reason="fork")
        return replay

    async def check_heads(self) -> None:
        """Compare positions with the store's: of those in doubt at once, of all now and then.

        Never returns.
        """
        while True:
            with trio.move_on_after(HEAD_CHECK_S):
                await self._doubt_came.wait()
            self._doubt_came = trio.Event()
            in_doubt, self._in_doubt = self._in_doubt, set()
            names = list(in_doubt or self._channels)
            for start in range(0, len(names), _HEADS_AT_ONCE):
                batch = names[start : start + _HEADS_AT_ONCE]
                if not await self._check_heads(batch) and in_doubt:
                    self._in_doubt.update(batch)
            if self._in_doubt:
                self._doubt_came.set()
                await trio.sleep(_RETRY_S)

    def _doubt(self, user_id: str) -> None:
        self._in_doubt.add(user_id)
        self._doubt_came.set()

    async def _check_heads(self, names: list[str]) -> bool:
        """Let members who lack their user's newest event read the history; tell if it worked."""
        heads: Sequence[int | None]
        try:
            heads = await self._broker.heads(names)
        except StoreUnavailable:
            return False
        except Exception as exc:  # noqa: BLE001 - one user's broken record must not end everybody's gateway
            log.error("heads not checked", exc_info=exc)
            heads = [None] * len(names)
        for name, head in zip(names, heads, strict=True):
            channel = self._channels.get(name)
            for member in channel.members if channel is not None else ():
                # One without a position has not read the history yet.
                if member.position not in (None, head):
                    member.fall_behind()
        return True
