"""What was missed comes next, in order, each event once, after every kind of interruption."""

from __future__ import annotations

import json
import signal
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from daemons.broker import StoreUnavailable, client
from daemons.gateway import hub, outbox
from protocol import keys

CHANNEL = keys.events(0, "u1")
HEAD = keys.event_head(0, "u1")


def ids(events: list[dict[str, Any]]) -> list[int]:
    """Return the ids of *events*."""
    return [event["id"] for event in events]


async def add_unpublished(running: Any, event_id: int, prev: int) -> None:
    """Put an event into the user's history of which the channel never hears."""
    event = {"type": "submission.queued", "id": event_id, "prev": prev}
    await running.broker.redis.call(("XADD", CHANNEL, f"{event_id}-0", "e", json.dumps(event)))
    await running.broker.redis.call(("HSET", HEAD, "last", event_id))


async def test_gateway_replays_what_was_missed(open_gateway: Any) -> None:
    """With `after` the missed events come next, in order, each once, and then live ones."""
    async with open_gateway() as running:
        await running.submit_many(300)
        seen = (await running.history())[9]["id"]
        async with running.peer(json.dumps({"user_id": "u1", "after": seen})) as peer:
            ready = await peer.receive()
            missed = await peer.receive_events(290)
            await running.submit()
            live = await peer.receive()

            assert (True, missed[-1]["id"]) == (ready["recovered"], ready["head"])
            assert [*missed, live] == (await running.history())[10:]
            assert await peer.is_silent()


async def test_gateway_replays_a_long_history_in_pieces(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history larger than one outbox is read piece by piece, and still each event comes once."""
    monkeypatch.setattr(outbox, "MAX_OUTBOX_BYTES", 2000)
    async with open_gateway() as running:
        await running.submit_many(100)
        async with running.peer('{"user_id":"u1","after":0}') as peer:
            assert (await peer.receive())["recovered"]
            assert await running.history() == await peer.receive_events(100)
            await running.submit()
            assert (await peer.receive())["type"] == "submission.queued"
            assert await peer.is_silent()


async def test_gateway_merges_history_and_live_events(open_gateway: Any) -> None:
    """Clients that come while events are made get each once, whenever exactly they came."""
    async with open_gateway() as running:
        await running.submit()
        first = (await running.history())[0]["id"]
        hello = json.dumps({"user_id": "u1", "after": first})
        received: list[list[dict[str, Any]]] = []

        async def come_and_read() -> None:
            async with running.peer(hello) as peer:
                assert (await peer.receive())["recovered"]
                received.append(await peer.receive_events(200))
                assert await peer.is_silent()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.submit_many, 200)
            for _ in range(6):
                nursery.start_soon(come_and_read)
                await trio.sleep(0.01)

        assert [(await running.history())[1:]] * 6 == received


@pytest.mark.parametrize("after", [None, 0])
async def test_gateway_keeps_what_comes_while_it_reads_the_history(
    open_gateway: Any, after: int | None
) -> None:
    """An event that is published between the reading and its answer is sent all the same."""
    async with open_gateway() as running, running.ready_peer() as witness:
        read = {"heads": running.broker.heads, "replay": running.broker.replay}

        async def read_slowly(method: str, *args: Any) -> Any:
            answer = await read[method](*args)
            await running.submit()
            # By the time the witness has it, it has reached every socket's outbox.
            await witness.receive()
            return answer

        running.broker.heads = partial(read_slowly, "heads")
        running.broker.replay = partial(read_slowly, "replay")
        hello = "u1" if after is None else json.dumps({"user_id": "u1", "after": after})
        async with running.peer(hello) as peer:
            assert (await peer.receive())["head"] == 0
            assert (await peer.receive())["prev"] == 0


@pytest.mark.parametrize("nothing_new", [True, False])
async def test_gateway_replays_nothing_to_who_has_all(open_gateway: Any, nothing_new: bool) -> None:
    """`after` equal to the head, 0 for a user without events, is recovered and brings nothing."""
    async with open_gateway() as running:
        if nothing_new:
            await running.submit()
        head = await running.broker.heads(["u1"])
        async with running.peer(json.dumps({"user_id": "u1", "after": head[0]})) as peer:
            ready = await peer.receive()

            assert (head[0], True) == (ready["head"], ready["recovered"])
            assert await peer.is_silent()


async def test_gateway_tells_of_a_trimmed_history(open_gateway: Any) -> None:
    """When the history no longer reaches back, the client is told so and gets all that is kept."""
    async with open_gateway() as running:
        await running.submit_many(10)
        events = await running.history()
        await running.broker.redis.call(("XTRIM", CHANNEL, "MINID", events[5]["id"]))
        async with running.peer(json.dumps({"user_id": "u1", "after": events[2]["id"]})) as peer:
            ready = await peer.receive()

            assert (ready["recovered"], ready["reason"]) == (False, "trimmed")
            assert events[5:] == await peer.receive_events(5)
            assert await peer.is_silent()


@pytest.mark.parametrize("after", [9007199254740991, 1])
async def test_gateway_tells_of_a_lost_history(open_gateway: Any, after: int) -> None:
    """A client who saw what the store has lost is told so and gets all that is kept."""
    async with open_gateway() as running:
        await running.submit_many(5)
        events = await running.history()
        if after == 1:
            # An id that lies between two kept events was never given by this history.
            await add_unpublished(running, events[-1]["id"] + 10, events[-1]["id"])
            events, after = await running.history(), events[-1]["id"] + 5
        async with running.peer(json.dumps({"user_id": "u1", "after": after})) as peer:
            ready = await peer.receive()

            assert (ready["recovered"], ready["reason"]) == (False, "fork")
            assert events == await peer.receive_events(len(events))
            assert await peer.is_silent()


async def test_gateway_tells_live_clients_of_a_lost_history(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that comes back without what a client has seen makes him hear `ready` again."""
    monkeypatch.setattr(hub, "HEAD_CHECK_S", 0.05)
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        await peer.receive()
        await running.broker.redis.call(("DEL", CHANNEL, HEAD))
        ready = await peer.receive()

        assert (
            ready["type"],
            ready["head"],
            ready["recovered"],
            ready["reason"],
        ) == ("ready", 0, False, "fork")
        await running.submit()
        assert (await peer.receive())["prev"] == 0


async def test_gateway_fills_a_gap_from_the_history(open_gateway: Any) -> None:
    """An event whose `prev` the client has not makes the gateway read the history first."""
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        first = await peer.receive()
        await add_unpublished(running, first["id"] + 1, first["id"])
        await running.submit()

        assert ids(await running.history())[1:] == ids(await peer.receive_events(2))
        assert await peer.is_silent()


async def test_gateway_finds_a_silent_loss(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event of which the channel never heard, and nothing after it, comes by the head check."""
    monkeypatch.setattr(hub, "HEAD_CHECK_S", 0.05)
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        first = await peer.receive()
        await add_unpublished(running, first["id"] + 1, first["id"])

        assert (await peer.receive())["id"] == first["id"] + 1
        assert await peer.is_silent()


async def test_gateway_survives_a_killed_store(open_gateway: Any, store: Any) -> None:
    """An open socket outlives the store, and misses nothing of what happens from its return on."""
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit_many(5)
        for _ in range(3):
            store.kill()
            store.start()
            await running.submit_many(5)

        assert await running.history() == await peer.receive_events(20)
        assert await peer.is_silent()


async def test_gateway_survives_a_lost_subscription(open_gateway: Any) -> None:
    """When only the pub/sub connection is cut, again and again, every event comes once."""
    async with open_gateway() as running, running.ready_peer() as peer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.submit_many, 200)
            for _ in range(5):
                await running.broker.redis.call(("CLIENT", "KILL", "TYPE", "pubsub"))
                await trio.sleep(0.03)

        assert await running.history() == await peer.receive_events(200)
        assert await peer.is_silent()


def fails_at_first(heads: Any) -> Any:
    """Return *heads* as it is while the store is away, for the first of every two calls."""
    calls: list[int] = []

    async def heads_at_last(names: list[str]) -> list[int]:
        calls.append(1)
        if len(calls) % 2:
            raise StoreUnavailable("not yet")
        return await heads(names)

    return heads_at_last


async def test_quiet_users_read_no_history_after_a_cut(open_gateway: Any, eventually: Any) -> None:
    """When the subscription is back, who has missed nothing costs one number and no more."""
    async with open_gateway() as running, AsyncExitStack() as stack:
        users = [f"u{number}" for number in range(20)]
        peers = [await stack.enter_async_context(running.ready_peer(user)) for user in users]
        replay, read = running.broker.replay, []

        async def noted_replay(user_id: str, after: int | None, max_bytes: int) -> Any:
            read.append(user_id)
            return await replay(user_id, after, max_bytes)

        running.broker.replay = noted_replay
        for missed in range(1, 4):
            await add_unpublished(running, missed, missed - 1)
            await running.broker.redis.call(("CLIENT", "KILL", "TYPE", "pubsub"))
            assert (await peers[1].receive())["id"] == missed
        assert [await peer.is_silent() for peer in peers] == [True] * 20

        assert read == ["u1"] * 3


async def test_gateway_resubscribes_at_once(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost subscription is back, and its gap read, within a second; no client hears of it.

    What there is to wait for is one pause of the connection's. The event that the client gets was
    never published, and no head is checked, so only the new subscription can have brought it.
    """
    monkeypatch.setattr(hub, "HEAD_CHECK_S", 3600.0)
    pauses: list[float] = []
    pause_s = client.pause_s

    def noted_pause_s(failures: int) -> float:
        pauses.append(pause_s(failures))
        return pauses[-1]

    monkeypatch.setattr(client, "pause_s", noted_pause_s)
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        last = (await peer.receive())["id"]
        running.broker.heads = fails_at_first(running.broker.heads)
        for event_id in range(last + 1, last + 11):
            pauses.clear()
            await add_unpublished(running, event_id, event_id - 1)
            await running.broker.redis.call(("CLIENT", "KILL", "TYPE", "pubsub"))

            assert (await peer.receive())["id"] == event_id
            assert 0 < sum(pauses) < 1
        assert await peer.is_silent()


async def test_gateway_waits_out_a_stalled_store(open_gateway: Any, store: Any) -> None:
    """A store that hangs for a moment costs an open socket nothing but that moment."""
    async with open_gateway() as running, running.ready_peer() as peer:
        store.process.send_signal(signal.SIGSTOP)
        await trio.sleep(0.1)
        assert await peer.is_silent()
        store.process.send_signal(signal.SIGCONT)
        await running.submit()

        assert await running.history() == [await peer.receive()]


async def test_gateway_reads_the_history_until_it_can(open_gateway: Any, eventually: Any) -> None:
    """A history that can't be read just now costs an open socket nothing but the wait."""
    async with open_gateway() as running, running.ready_peer() as peer:
        replay, attempts = running.broker.replay, []

        async def replay_at_last(user_id: str, after: int | None, max_bytes: int) -> Any:
            attempts.append(after)
            if len(attempts) < 3:
                raise StoreUnavailable("not yet")
            return await replay(user_id, after, max_bytes)

        running.broker.replay = replay_at_last
        await add_unpublished(running, 1, 0)
        await running.broker.redis.call(("CLIENT", "KILL", "TYPE", "pubsub"))
        event = await peer.receive()
        await eventually(lambda: len(attempts) >= 3)
        assert await peer.is_silent()

        running.broker.replay = replay
        assert await running.history() == [event]
