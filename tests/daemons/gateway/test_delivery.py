"""Who gets which events: live, replayed, merged, after every kind of interruption; each once."""

from __future__ import annotations

import json
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from daemons.gateway import hub
from protocol import keys

TEXT, PING, PONG = 0x81, 0x89, 0x8A
CHANNEL = keys.events(0, "u1")
HEAD = keys.event_head(0, "u1")
#: So long a user id makes an event of some 400 bytes.
LONG_ID = "u" * 128


def ids(events: list[dict[str, Any]]) -> list[int]:
    """Return the ids of *events*."""
    return [event["id"] for event in events]


async def add_unpublished(running: Any, event_id: int, prev: int) -> None:
    """Put an event into the user's history of which the channel never hears."""
    event = {"type": "submission.queued", "id": event_id, "prev": prev}
    await running.broker.redis.call(("XADD", CHANNEL, f"{event_id}-0", "e", json.dumps(event)))
    await running.broker.redis.call(("HSET", HEAD, "last", event_id))


async def test_gateway_sends_live_events_as_published(open_gateway: Any) -> None:
    """A bare client gets what happens from `ready` on, in order, and nothing of before."""
    async with open_gateway() as running:
        await running.submit()
        (old,) = await running.history()
        async with running.peer("u1") as peer:
            ready = await peer.receive()
            submitted = [await running.submit() for _ in range(20)]
            events = await peer.receive_events(20)

            assert ready["head"] == old["id"]
            assert submitted == [event["submission_id"] for event in events]
            assert [old["id"], *ids(events)[:-1]] == [event["prev"] for event in events]
            assert events == (await running.history())[1:]
            assert await peer.is_silent()


async def test_gateway_serves_each_socket_of_a_user_and_nobody_else(open_gateway: Any) -> None:
    """Every socket of a user gets every event of his, and no other user's."""
    async with (
        open_gateway() as running,
        running.ready_peer("u1") as first,
        running.ready_peer("u1") as second,
        running.ready_peer("u2") as stranger,
    ):
        one, other = await running.submit("u1"), await running.submit("u2")

        assert (await first.receive())["submission_id"] == one
        assert (await second.receive())["submission_id"] == one
        assert (await stranger.receive())["submission_id"] == other
        assert await first.is_silent()
        assert await second.is_silent()
        assert await stranger.is_silent()


async def test_gateway_keeps_users_apart_under_load(open_gateway: Any) -> None:
    """Whatever the interleaving, no socket ever sees an event of another user."""
    users = [f"user{number}" for number in range(8)]
    async with open_gateway() as running, AsyncExitStack() as stack:
        peers = {user: await stack.enter_async_context(running.ready_peer(user)) for user in users}
        async with trio.open_nursery() as nursery:
            for user in users:
                nursery.start_soon(running.submit_many, 25, user)
        for user, peer in peers.items():
            events = await peer.receive_events(25)
            assert {event["user_id"] for event in events} == {user}
            assert events == await running.history(user)


async def test_gateway_keeps_serving_a_user_when_one_of_his_sockets_goes(
    open_gateway: Any, eventually: Any
) -> None:
    """The subscription lives as long as the last socket, and is gone with it."""
    async with open_gateway() as running:
        async with running.ready_peer() as stays:
            async with running.ready_peer():
                pass
            await eventually(lambda: running.gateway.sockets == 1)
            await running.submit()
            assert (await stays.receive())["type"] == "submission.queued"
        await eventually(lambda: running.gateway.sockets == 0)
        async with running.ready_peer() as again:
            await running.submit()
            assert (await again.receive())["type"] == "submission.queued"
        await eventually(lambda: not running.events._channels)
        # On the same connection, so behind the UNSUBSCRIBE.
        await running.events.redis.call(("PING",))
        assert await running.broker.redis.call(("PUBSUB", "NUMSUB", CHANNEL)) == [
            CHANNEL.encode(),
            0,
        ]


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


async def test_gateway_passes_over_what_is_no_event(open_gateway: Any) -> None:
    """Whatever a stranger publishes on a user's channel harms nobody."""
    async with open_gateway() as running, running.ready_peer() as peer:
        for junk in (b"", b"\xff\x00", b"{}", b'{"id":99,"prev":98}'):
            await running.broker.redis.call(("PUBLISH", CHANNEL, junk))
        await running.submit()

        assert await running.history() == [await peer.receive()]
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


async def test_gateway_keeps_one_clients_trouble_from_the_others(open_gateway: Any) -> None:
    """When one client's handler fails, he is closed, and everybody else goes on."""
    async with open_gateway() as running, running.ready_peer("u1") as healthy:
        await running.broker.redis.call(("SET", keys.event_head(0, "broken"), "no hash"))
        async with running.peer("broken") as broken:
            assert await broken.close_code() == 1013
        await running.submit("u1")
        assert (await healthy.receive())["type"] == "submission.queued"


async def test_gateway_forgets_who_vanishes(open_gateway: Any, eventually: Any) -> None:
    """A client that is gone without a word, by FIN or by RST, takes nothing of ours with him."""
    async with open_gateway() as running:
        for _ in range(2):
            async with running.raw_peer() as peer:
                await peer.send_frame(TEXT, b"u1")
                await peer.receive_frame()
                assert running.gateway.sockets == 1
            await eventually(lambda: running.gateway.sockets == 0)


async def test_gateway_lets_a_slow_reader_wait_for_nobody(
    open_gateway: Any, eventually: Any
) -> None:
    """Others get each event at once while one does not read; when he reads, he gets them all."""
    async with (
        open_gateway(outbox_events=8) as running,
        running.raw_peer(receive_buffer_bytes=4096) as slow,
        running.ready_peer(LONG_ID, max_queue=None) as quick,
    ):
        await slow.send_frame(TEXT, LONG_ID.encode())
        assert await slow.receive_frame()
        await running.submit_many(800, LONG_ID)
        history = await running.history(LONG_ID)

        assert history == await quick.receive_events(800)

        received = [await slow.receive_frame() for _ in range(800)]
        assert history == [json.loads(frame[1]) for frame in received if frame]


async def test_gateway_drops_who_reads_nothing(open_gateway: Any, eventually: Any) -> None:
    """One send over `send_s` ends the connection; with `after` the client misses nothing."""
    async with open_gateway(outbox_events=8, send_s=0.1) as running:
        async with running.raw_peer(receive_buffer_bytes=4096) as slow:
            await slow.send_frame(TEXT, LONG_ID.encode())
            _, ready = await slow.receive_frame()
            await running.submit_many(800, LONG_ID)
            await eventually(lambda: running.gateway.sockets == 0)
            await slow.wait_end()
        history = await running.history(LONG_ID)
        hello = json.dumps({"user_id": LONG_ID, "after": json.loads(ready)["head"]})
        async with running.peer(hello) as again:
            assert (await again.receive())["recovered"]
            assert history == await again.receive_events(800)


async def test_gateway_closes_who_answers_no_ping(open_gateway: Any) -> None:
    """Who answers no ping in time hears 4408 and is cut off."""
    async with (
        open_gateway(ping_s=0.05, pong_s=0.1, close_s=0.2) as running,
        running.raw_peer() as mute,
    ):
        await mute.send_frame(TEXT, b"u1")

        assert await mute.receive_close() == 4408
        await mute.wait_end()


async def test_ping_carries_the_position(open_gateway: Any) -> None:
    """A ping's payload is the id of the last event sent, so that its pong proves what was read."""
    async with open_gateway(ping_s=0.05, pong_s=20) as running, running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await running.submit()
        (event,) = await running.history()
        payloads = set()
        with trio.fail_after(20):
            while str(event["id"]).encode() not in payloads:
                first_byte, payload = await peer.receive_frame()
                if first_byte == PING:
                    payloads.add(payload)
                    await peer.send_frame(PONG, payload)

        assert payloads <= {b"0", str(event["id"]).encode()}


async def test_gateway_waits_out_a_stalled_store(open_gateway: Any, store: Any) -> None:
    """A store that hangs for a moment costs an open socket nothing but that moment."""
    async with open_gateway() as running, running.ready_peer() as peer:
        store.process.send_signal(signal.SIGSTOP)
        await trio.sleep(0.1)
        assert await peer.is_silent()
        store.process.send_signal(signal.SIGCONT)
        await running.submit()

        assert await running.history() == [await peer.receive()]
