"""The Trio client: every event once and in order, whatever happens to gateway and connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from daemons.gateway import client
from daemons.gateway.client import BadAddress, Events, Refused, Unreachable, open_events
from protocol import keys

PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def quick_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client come back soon: how long it waits is not what is tested."""
    monkeypatch.setattr(client, "_BACKOFF_FIRST_S", 0.01)


def url_of(running: Any) -> str:
    """Return the address of a gateway."""
    return f"ws://127.0.0.1:{running.port}/"


def url_at(listener: trio.SocketListener) -> str:
    """Return the address of whatever listens there."""
    return f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"


async def take(events: Events, count: int) -> list[dict[str, Any]]:
    """Return the next *count* items."""
    with trio.fail_after(PATIENCE_S):
        return [await events.receive() for _ in range(count)]


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[tuple[str, list[trio.SocketStream]]]:
    """Give the address of a door to *port*, and the connections through it, to be cut."""
    through: list[trio.SocketStream] = []

    async def pass_on(source: trio.SocketStream, target: trio.SocketStream) -> None:
        try:
            async for data in source:
                await target.send_all(data)
            await target.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.aclose_forcefully(source)
            await trio.aclose_forcefully(target)

    async def serve(stream: trio.SocketStream) -> None:
        through.append(stream)
        async with (
            await trio.open_tcp_stream("127.0.0.1", port) as server,
            trio.open_nursery() as both,
        ):
            both.start_soon(pass_on, stream, server)
            await pass_on(server, stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield url_at(listeners[0]), through
        nursery.cancel_scope.cancel()


async def test_client_gets_what_happens(open_gateway: Any) -> None:
    """From the moment of entering on nothing is missed, and nothing of before comes."""
    async with open_gateway() as running:
        await running.submit()
        async with open_events(url_of(running), "u1") as events:
            ids = [await running.submit() for _ in range(5)]

            assert ids == [event["submission_id"] for event in await take(events, 5)]


async def test_client_gets_what_it_missed(open_gateway: Any) -> None:
    """With `after` the events behind that one come first."""
    async with open_gateway() as running:
        await running.submit_many(5)
        history = await running.history()
        async with open_events(url_of(running), "u1", after=history[1]["id"]) as events:
            assert history[2:] == await take(events, 3)


async def test_client_misses_nothing_when_it_is_cut_off(open_gateway: Any) -> None:
    """However often the connection is lost, each event comes once; the caller sees no more of it."""
    async with open_gateway() as running, proxy(running.port) as (url, through):
        away: list[None] = []
        async with open_events(url, "u1", on_away=lambda: away.append(None)) as events:
            for _ in range(5):
                await running.submit()
                received = await take(events, 1)
                await trio.aclose_forcefully(through[-1])
                # What had come before the cut would be given out without a look at the connection.
                await running.submit_many(2)
                received += await take(events, 2)
                assert received == (await running.history())[-3:]
        assert len(away) == 5


async def test_client_remembers_where_it_began(open_gateway: Any) -> None:
    """What happens while it is away counts even if it had not seen one event before."""
    async with (
        # The gateway would remember it, too, if it were allowed to.
        open_gateway(resume_s=0.001) as running,
        proxy(running.port) as (url, through),
        open_events(url, "u1") as events,
    ):
        await trio.aclose_forcefully(through[-1])
        await running.submit()

        assert await running.history() == await take(events, 1)


async def test_client_tells_of_gaps(open_gateway: Any) -> None:
    """Where the history no longer reaches back there is a gap, and then come those that are kept."""
    channel = keys.events(0, "u1")
    async with open_gateway() as running:
        await running.submit_many(4)
        history = await running.history()
        await running.broker.redis.call(("XTRIM", channel, "MINID", history[2]["id"]))
        for after, reason in ((history[0]["id"], "trimmed"), (history[-1]["id"] + 10**6, "fork")):
            async with open_events(url_of(running), "u1", after=after) as events:
                assert [{"type": "gap", "reason": reason}, *history[2:]] == await take(events, 3)


async def test_client_asks_a_silent_gateway_whether_it_lives(
    open_gateway: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers is stayed with; one that does not is left for a new connection."""
    monkeypatch.setattr(client, "_SILENCE_S", 0.02)
    monkeypatch.setattr(client, "_PONG_S", PATIENCE_S)
    async with open_gateway() as running:
        away: list[None] = []
        answered: list[None] = []
        async with open_events(url_of(running), "u1", on_away=lambda: away.append(None)) as events:
            ping = events._ws.ping

            async def note_answer() -> None:
                await ping()
                answered.append(None)

            async def say_nothing() -> None:
                await trio.sleep_forever()

            monkeypatch.setattr(events._ws, "ping", note_answer)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take, events, 1)
                await eventually(lambda: len(answered) >= 3)
                assert not away
                monkeypatch.setattr(client, "_PONG_S", 0.2)
                monkeypatch.setattr(events._ws, "ping", say_nothing)
                await eventually(lambda: len(away) > 0)
                await running.submit()


async def test_client_says_why_it_was_refused(open_gateway: Any) -> None:
    """What another try would not mend is an error, with the gateway's own words."""
    async with open_gateway() as running:
        with pytest.RaisesGroup(pytest.RaisesExc(Refused, match="1008 a user id has")):
            async with open_events(url_of(running), "a:b"):
                pytest.fail("it was let in")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 403 Forbidden\r\n\r\n", b"SSH-2.0-x\r\n"])
async def test_client_knows_who_is_no_gateway(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else answers at the address is told from a gateway."""
    monkeypatch.setattr(client, "_CONNECT_S", 1.0)

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        url = url_at(listeners[0])
        with trio.fail_after(PATIENCE_S), pytest.RaisesGroup(Unreachable):
            async with open_events(url, "u1"):
                pytest.fail("it was let in")
        nursery.cancel_scope.cancel()


async def test_client_that_leaves_bears_a_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway may ping before it has read that the client leaves."""
    monkeypatch.setattr(client, "_FAREWELL_S", PATIENCE_S)

    async def serve(stream: trio.SocketStream) -> None:
        connection = WSConnection(ConnectionType.SERVER)
        async for data in stream:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, Request):
                    await stream.send_all(connection.send(AcceptConnection()))
                elif isinstance(event, TextMessage):
                    ready = {"type": "ready", "user_id": "u1", "head": 0, "recovered": True}
                    await stream.send_all(connection.send(TextMessage(json.dumps(ready))))
                elif isinstance(event, CloseConnection):
                    # First: once the client has the answer, it is looked at.
                    parted.append(event.code)
                    await stream.send_all(b"\x89\x00" + connection.send(event.response()))
                    await stream.aclose()
                    return

    parted: list[int] = []
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        with trio.fail_after(PATIENCE_S):
            async with open_events(url_at(listeners[0]), "u1"):
                pass
        assert parted == [1000]
        nursery.cancel_scope.cancel()


async def test_client_waits_only_so_long(open_gateway: Any) -> None:
    """A gateway that stays away longer than `patience_s` is an error, one never there at once."""
    async with open_gateway() as running:
        with trio.fail_after(PATIENCE_S), pytest.RaisesGroup(Unreachable):
            async with open_events(url_of(running), "u1", patience_s=0.05) as events:
                running.stopping.set()
                await take(events, 1)
        with pytest.RaisesGroup(Unreachable):
            async with open_events(url_of(running), "u1"):
                pytest.fail("nobody is there")


@pytest.mark.parametrize("url", ["http://x/", "ws://", "ws://x:y/", "nonsense"])
async def test_client_refuses_what_is_no_address(url: str) -> None:
    """Only `ws://` and `wss://` with a host are."""
    with pytest.RaisesGroup(BadAddress):
        async with open_events(url, "u1"):
            pytest.fail("no such address")


async def test_client_leaves_nothing_behind(
    open_gateway: Any, eventually: Any, open_descriptors: Any
) -> None:
    """Cancelled wherever it is, it closes what it opened, and what was not taken is not lost."""
    async with open_gateway() as running:
        # Both connections to the store are made by themselves, some time.
        await running.history()
        await running.events.redis.call(("PING",))
        before = open_descriptors()
        async with open_events(url_of(running), "u1") as events:
            with trio.move_on_after(0.02):
                await events.receive()
            await running.submit()
            assert await running.history() == await take(events, 1)
        for pause_s in (0.0, 0.001, 0.003, 0.01):
            with trio.move_on_after(pause_s):
                async with open_events(url_of(running), "u1") as events:
                    await events.receive()
        await eventually(lambda: not running.gateway._admission._open)
        await eventually(lambda: open_descriptors() <= before)


async def test_client_of_a_user_is_a_client_of_its_own(open_gateway: Any) -> None:
    """Two at a time do not disturb each other's position."""
    async with open_gateway() as running:
        async with (
            open_events(url_of(running), "u1") as one,
            open_events(url_of(running), "u1") as other,
        ):
            await running.submit_many(3)
            assert await take(one, 3) == await take(other, 3) == await running.history()
        assert one._hello["client"] != other._hello["client"]
