"""Who gets which live events, and how little one client's trouble is to the others."""

from __future__ import annotations

import gc
import json
from contextlib import AsyncExitStack
from typing import Any

import trio
import trio.testing

from daemons.gateway.connection import Client
from protocol import keys

TEXT, PING, PONG = 0x81, 0x89, 0x8A
CHANNEL = keys.events(0, "u1")
#: So long a user id makes an event of some 400 bytes.
LONG_ID = "u" * 128


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
            assert [event["prev"] for event in events] == [
                event["id"] for event in [old, *events[:-1]]
            ]
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


async def test_gateway_passes_over_what_is_no_event(open_gateway: Any) -> None:
    """Whatever a stranger publishes on a user's channel harms nobody."""
    async with open_gateway() as running, running.ready_peer() as peer:
        for junk in (b"", b"\xff\x00", b"{}", b'{"id":99,"prev":98}'):
            await running.broker.redis.call(("PUBLISH", CHANNEL, junk))
        await running.submit()

        assert await running.history() == [await peer.receive()]
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
            await eventually(lambda: running.gateway._admission._open == 0)
        await trio.testing.wait_all_tasks_blocked(0.01)
        gc.collect()

        assert not [each for each in gc.get_objects() if isinstance(each, Client)]


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

        assert history == [await slow.receive_message() for _ in range(800)]


async def test_gateway_drops_who_reads_nothing(open_gateway: Any, eventually: Any) -> None:
    """One send over `send_s` ends the connection; with `after` the client misses nothing."""
    async with (
        open_gateway(outbox_events=8, send_s=0.1) as running,
        running.raw_peer(receive_buffer_bytes=4096) as slow,
    ):
        await slow.send_frame(TEXT, LONG_ID.encode())
        _, ready = await slow.receive_frame()
        await running.submit_many(800, LONG_ID)
        await eventually(lambda: running.gateway.sockets == 0)
        await slow.wait_end()
    async with open_gateway() as running:
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
        with trio.fail_after(120):
            while str(event["id"]).encode() not in payloads:
                first_byte, payload = await peer.receive_frame()
                if first_byte == PING:
                    payloads.add(payload)
                    await peer.send_frame(PONG, payload)

        assert payloads <= {b"0", str(event["id"]).encode()}
