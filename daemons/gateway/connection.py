"""One client's conversation: first message, `ready`, what he missed, what happens now, farewell.

Theory of operation. An idle client costs two tasks: trio-websocket's reader, and the one that runs
`converse`, which after the first message only discards what comes and so notices the end. Whoever
has something for the client starts a third, the *writer*, which lives as long as something waits;
there is never more than one, and it alone sends messages. A fourth, never more than one either,
waits for a pong, by which a client who never says `after` proves how far he has read. The order of
the writer's steps is the whole protocol:

1. wait until the subscription is confirmed; from then on all that happens reaches the outbox;
2. read the history, say `ready`, send what the client has missed;
3. send what the outbox holds: an event that the client has is dropped, and where one is missing
   (`prev` is not the last id) the history is read again.

What is published before the history is read is in the history; what is published after is in the
outbox. So there is no gap, and ids make sure that nothing comes twice. A lost connection to the
store, an outbox that ran over and a gap all end in the same place: `behind`, and step 2.

Whoever wants the client gone calls `close`, which never waits; the farewell itself is always said
by `converse`, so that nobody is cut off in the middle of a frame.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from daemons.broker import Replay, StoreUnavailable
from daemons.gateway.cursors import Cursor, client_name
from daemons.gateway.house import House, Visitor
from daemons.gateway.hub import Channel, TooManySockets
from daemons.gateway.outbox import Outbox, RawEvent, Step, next_step, parse_event
from daemons.gateway.stream import TokenBucket
from daemons.tokens import Scope, Token
from protocol.errors import RemoteProtocolError
from protocol.frames import CloseCode, Hello, make_ready, parse_first_message

#: A client has nothing to say after his first message; keep-alives of his own are let through.
INBOUND_MESSAGES_PER_S = 10
#: A history that could not be read is asked for again, at growing intervals up to the second one.
_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 2.0
#: How long a new client waits for his subscription before he hears 1013.
_CONFIRM_S = 2.0
#: Each burst of events is followed by one ping, this much later, to learn whether it was read.
_PROOF_DELAY_S = 0.05
#: How much of `close_s` one client's farewell may take: when many part, the last ones begin late.
_FAREWELL_SHARE = 0.5


class Farewell(Exception):
    """The client must go: with which close code, and a sentence for whoever reads his log."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class _Pings(NamedTuple):
    """The pings to a client that are under way: *hurry* to send the next one now, until *over*."""

    hurry: trio.Event
    over: trio.Event


class Client:
    """One WebSocket client; `converse` is its life.

    Args:
        ws: the open WebSocket. visitor: who opened it. house: what he shares with the others.
        nursery: where his writer and his pings run; it ends with him.
    """

    __slots__ = (
        "_channel",
        "_cursor",
        "_farewell",
        "_house",
        "_name",
        "_nursery",
        "_outbox",
        "_pings",
        "_ready",
        "_scope",
        "_token",
        "_visitor",
        "_writing",
        "_ws",
        "position",
    )

    def __init__(
        self, ws: WebSocketConnection, visitor: Visitor, house: House, nursery: trio.Nursery
    ) -> None:
        self._ws = ws
        self._visitor = visitor
        self._house = house
        self._nursery = nursery
        self._scope = trio.CancelScope()
        self._outbox = Outbox(house.limits.outbox_events)
        self._channel: Channel | None = None
        self._cursor: Cursor | None = None
        self._name = ""
        self._token: Token | None = None
        self._farewell: tuple[int, str] | None = None
        self._ready = False
        self._writing = False
        self._pings: _Pings | None = None
        #: The id of the last event sent or on its way, or that the client says he has; None before.
        self.position: int | None = None

    # What others call; none of it waits.

    def put(self, event: RawEvent) -> None:
        """Take an event that was just published."""
        self._outbox.put(event)
        self._wake()

    def fall_behind(self) -> None:
        """Read the history before anything else is sent."""
        self._outbox.fall_behind()
        self._wake()

    def close(self, code: int, reason: str) -> None:
        """End the conversation with *code*; the first to say so decides."""
        if self._farewell is None:
            self._farewell = (code, reason)
            self._scope.cancel(reason=reason)

    def ping(self, delay_s: float = 0) -> None:
        """Ask for a sign of life, *delay_s* from now, which must come within `pong_s`."""
        if self._farewell is None:
            self._begin_pings(delay_s)

    def prove_again(self, name: str) -> None:
        """Let a client of that *name* show that he is still here, for another one has come.

        The store took the newcomer for one of those who were there, and may have struck this one's
        position; should he be here no more, it did right.
        """
        if self._cursor is not None and self._name == name:
            self._cursor.renew()
            self.ping()

    def check_token(self) -> None:
        """Close unless the token by which he came in still counts."""
        tokens, token = self._house.tokens, self._token
        if tokens is not None and token is not None and not tokens.holds(token):
            self.close(CloseCode.BAD_TOKEN, "the token was revoked, or its time is over")

    # His life.

    async def converse(self) -> tuple[int, str]:
        """Talk until either side ends it; say farewell; return the close code and its reason."""
        try:
            with self._scope:
                await self._talk()
        except Farewell as farewell:
            self.close(farewell.code, farewell.reason)
        except ConnectionClosed:
            pass  # the client has left, or broke the protocol: `closed` tells which
        code, reason = self._farewell or _end_of(self._ws)
        with trio.move_on_after(_FAREWELL_SHARE * self._house.limits.close_s):
            if code == CloseCode.GOING_AWAY:
                await self._settle()
            await self._ws.aclose(code, reason)
        return code, reason

    async def _settle(self) -> None:
        """Let him prove what he has read, and have it written: he will be back in a moment.

        His answer to a close frame would prove the same, did all programs answer with its code; but
        some say 1000, as they do when they part by themselves and have not read what was sent.
        """
        if self._cursor is None:
            return
        if self.position != self._cursor.position:
            pings = self._begin_pings(0)
            pings.hurry.set()
            await pings.over.wait()
        with suppress(StoreUnavailable):
            await self._house.cursors.write()

    async def _talk(self) -> None:
        hello = await self._receive_hello()
        self._token = self._admit(hello)
        self.position = hello.after
        self._name = client_name(hello, *self._visitor)
        try:
            with self._house.hub.joined(hello.user_id, self) as self._channel:
                self._outbox.fall_behind()
                self._wake()
                await self._discard_messages()
        except TooManySockets as exc:
            raise Farewell(CloseCode.UNAVAILABLE, str(exc)) from exc

    async def _receive_hello(self) -> Hello:
        limit_s = self._house.limits.first_message_s
        with trio.move_on_after(limit_s):
            message = await self._ws.get_message()
            if isinstance(message, bytes):
                raise Farewell(CloseCode.UNSUPPORTED, "text messages only")
            try:
                return parse_first_message(message)
            except RemoteProtocolError as exc:
                raise Farewell(CloseCode.BAD_FIRST_MESSAGE, str(exc)) from exc
        raise Farewell(CloseCode.NO_FIRST_MESSAGE, f"no first message in {limit_s:g} s")

    def _admit(self, hello: Hello) -> Token | None:
        """Return the token that lets him in; None where nobody needs one."""
        if self._house.tokens is None:
            return None
        token = self._house.tokens.find(hello.token or "")
        if token is None:
            missing = 'a token is needed: send {"user_id": ..., "token": ...}'
            unknown = "the token is unknown, revoked, or its time is over"
            raise Farewell(CloseCode.BAD_TOKEN, unknown if hello.token else missing)
        if not token.may(Scope.READ, hello.user_id):
            raise Farewell(CloseCode.BAD_TOKEN, "the token is not for this user's events")
        return token

    async def _discard_messages(self) -> None:
        """Read on, because only a reader sees pongs and the end."""
        allowance = TokenBucket(INBOUND_MESSAGES_PER_S, INBOUND_MESSAGES_PER_S, trio.current_time())
        while True:
            message: Any = await self._ws.get_message()
            if isinstance(message, bytes):
                raise Farewell(CloseCode.UNSUPPORTED, "text messages only")
            if allowance.take(1, trio.current_time()):
                raise Farewell(
                    CloseCode.BAD_FIRST_MESSAGE, f"over {INBOUND_MESSAGES_PER_S} messages a second"
                )

    # The writer.

    def _wake(self) -> None:
        if not self._writing and self._farewell is None:
            self._writing = True
            self._nursery.start_soon(self._write)

    async def _write(self) -> None:
        """Send what waits, in order and each once, until nothing waits."""
        try:
            if not self._ready:
                await self._await_subscription()
            while self._farewell is None:
                if self._outbox.behind:
                    await self._catch_up()
                elif (event := self._outbox.take()) is not None:
                    await self._send_in_turn(event)
                else:
                    break
            if self._cursor is not None and self.position != self._cursor.position:
                self.ping(_PROOF_DELAY_S)
        except ConnectionClosed:
            pass  # `converse` sees it too
        except Farewell as farewell:
            self.close(farewell.code, farewell.reason)
        finally:
            self._writing = False

    async def _await_subscription(self) -> None:
        assert self._channel is not None
        with trio.move_on_after(_CONFIRM_S):
            await self._channel.live.wait()
            return
        raise Farewell(CloseCode.UNAVAILABLE, "the store is away")

    async def _send_in_turn(self, event: RawEvent) -> None:
        assert self.position is not None
        step = next_step(self.position, event)
        if step is Step.SEND:
            await self._send_event(event)
        elif step is Step.REPLAY:
            self._outbox.fall_behind()

    async def _catch_up(self) -> None:
        """Read the history, tell where it stands if that is news, send what the client lacks."""
        history = await self._read_history()
        if not self._ready or not history.recovered:
            await self._say_ready(history)
        for raw in history.events:
            if self._farewell is not None:
                return
            event = parse_event(raw)
            await self._send_event(event)
        if history.whole:
            # Past the last event where the store has forgotten some of them since.
            self.position = history.head
        else:
            self._outbox.fall_behind()

    async def _read_history(self) -> Replay:
        assert self._channel is not None
        user_id = self._channel.user_id
        retry_s = _RETRY_FIRST_S
        while True:
            # What comes from here on waits in the outbox, and the history has what came before.
            self._outbox.start_over()
            try:
                if self.position is None:
                    self.position = await self._resume(self._channel)
                return await self._house.hub.read_history(user_id, self.position)
            except StoreUnavailable as exc:
                if not self._ready:
                    raise Farewell(CloseCode.UNAVAILABLE, "the store is away") from exc
            await trio.sleep(retry_s)
            retry_s = min(2 * retry_s, _RETRY_MAX_S)

    async def _resume(self, channel: Channel) -> int:
        """Return where he had got to; the user's newest event if he can't be known again."""
        cursor = await self._house.cursors.resume(channel.user_id, self._name)
        for member in channel.members:
            member.prove_again(self._name)
        self._cursor = cursor
        return cursor.position

    async def _say_ready(self, history: Replay) -> None:
        assert self._channel is not None
        await self._send(
            make_ready(
                self._channel.user_id,
                history.head,
                recovered=history.recovered,
                reason=history.reason,
            )
        )
        self._ready = True

    async def _send_event(self, event: RawEvent) -> None:
        # First, for a ping that asks how far he has read goes out behind what is on its way.
        self.position = event.id
        await self._send(event.text)

    async def _send(self, text: str) -> None:
        limit_s = self._house.limits.send_s
        with trio.move_on_after(limit_s) as scope:
            await self._ws.send_message(text)
        if scope.cancelled_caught:
            raise Farewell(CloseCode.TOO_SLOW, f"took nothing for {limit_s:g} s")

    # The pings.

    def _begin_pings(self, delay_s: float) -> _Pings:
        if self._pings is None:
            self._pings = _Pings(hurry=trio.Event(), over=trio.Event())
            self._nursery.start_soon(self._ask_for_pongs, self._pings, delay_s)
        return self._pings

    async def _ask_for_pongs(self, pings: _Pings, delay_s: float) -> None:
        """Ping until all that was sent is proved to have been read, if that is of interest."""
        try:
            asked: int | None = None
            while asked is None or (self._cursor is not None and asked != self.position):
                with trio.move_on_after(delay_s):
                    await pings.hurry.wait()
                asked = self.position or 0
                await self._await_pong(asked)
                self._note_proof(asked)
                delay_s = _PROOF_DELAY_S
        except ConnectionClosed:
            pass  # `converse` sees it too
        except Farewell as farewell:
            self.close(farewell.code, farewell.reason)
        finally:
            self._pings = None
            pings.over.set()

    async def _await_pong(self, position: int) -> None:
        limit_s = self._house.limits.pong_s
        with trio.move_on_after(limit_s) as scope:
            await self._ws.ping(str(position).encode())
        if scope.cancelled_caught:
            raise Farewell(CloseCode.TOO_SLOW, f"no pong in {limit_s:g} s")

    def _note_proof(self, position: int) -> None:
        if self._cursor is not None:
            self._cursor.prove(position)


def _end_of(ws: WebSocketConnection) -> tuple[int, str]:
    """Return how trio-websocket saw the connection end."""
    return (ws.closed.code, ws.closed.reason or "") if ws.closed is not None else (1000, "")
